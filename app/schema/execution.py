"""How results are written out: numbers that are not finite become null, plain lists take a short way."""

from __future__ import annotations

import math
from typing import Any

from graphql import GraphQLLeafType, GraphQLNonNull, is_leaf_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class FactorQLExecutor(StrawberryGraphQLCoreExecutionContext):
    """The stock executor, but NaN and infinities are null, and a list of leaves is completed in one loop.

    Whatever the loop cannot take (a null where none may be, an awaitable, a value of the wrong type) is done
    again by the stock executor, so that errors keep their paths.
    """

    @staticmethod
    def complete_leaf_value(return_type: GraphQLLeafType, result: Any) -> Any:
        if isinstance(result, float) and not math.isfinite(result):
            return None
        return StrawberryGraphQLCoreExecutionContext.complete_leaf_value(return_type, result)

    def complete_list_value(self, return_type: Any, *details: Any) -> Any:
        item_type = return_type.of_type
        required = isinstance(item_type, GraphQLNonNull)
        leaf_type = item_type.of_type if required else item_type
        result = details[3]
        if isinstance(result, list) and is_leaf_type(leaf_type):
            try:
                completed = [
                    None if item is None else self.complete_leaf_value(leaf_type, item) for item in result
                ]
            except Exception:
                return super().complete_list_value(return_type, *details)
            if not required or None not in completed:
                return completed
        return super().complete_list_value(return_type, *details)
