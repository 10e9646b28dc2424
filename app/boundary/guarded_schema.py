"""A schema as clients reach it: every operation bounded, parsing and validation kept for the next time."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import strawberry
from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, OperationDefinitionNode, parse
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType
from strawberry.utils.operation import get_operation_type

from app.boundary.cost_rules import CostLimits
from app.boundary.query_cost import QueryCostMeter
from app.errors import InvalidInput, LimitExceeded

_KEPT_DOCUMENTS = 256
_KEPT_CHARACTERS = 20_000


def guarded(schema: strawberry.Schema, limits: CostLimits | None = None) -> strawberry.Schema:
    """The same schema behind limits: same types and resolvers, same extensions after the guard.

    An operation above a limit raises LimitExceeded, which `execute` returns as the error of a request
    that was not executed, and `stream` raises to whoever iterates. Errors are not logged here: whoever
    answers the client does that.
    """
    guard = _Guard(QueryCostMeter(schema._schema, limits))
    view = copy.copy(schema)
    view.guard = guard
    view.extensions = (guard.extension, *schema.extensions)
    view.process_errors = lambda errors, execution_context=None: None
    return view


def is_mutation(schema: strawberry.Schema, text: str, operation_name: str | None) -> bool:
    """Return whether an operation of a guarded schema changes anything; what cannot be executed does not."""
    try:
        document = schema.guard.prepare(text).document
        return get_operation_type(document, operation_name) is OperationType.MUTATION
    except (LimitExceeded, GraphQLSyntaxError, RuntimeError):  # the last: no operation of that name
        return False


@dataclass(slots=True)
class _Prepared:
    """What is known of one document text."""

    document: DocumentNode
    validation_errors: list[GraphQLError] | None = None
    within_limits: set[str | None] = field(default_factory=set)
    """Names of operations whose cost was checked and does not depend on variables."""


class _Guard:
    """The limits of one schema and the documents it has seen lately."""

    def __init__(self, meter: QueryCostMeter) -> None:
        self.meter = meter
        self.kept: OrderedDict[str, _Prepared] = OrderedDict()

    def extension(self) -> SchemaExtension:
        return _GuardExtension(self)

    def prepare(self, text: str) -> _Prepared:
        """Parse, or look up, a document; LimitExceeded if it is too long, GraphQLSyntaxError if wrong."""
        prepared = self.kept.get(text)
        if prepared is None:
            prepared = _Prepared(self._parse(text))
            if len(text) <= _KEPT_CHARACTERS:
                self.kept[text] = prepared
                if len(self.kept) > _KEPT_DOCUMENTS:
                    self.kept.popitem(last=False)
        else:
            self.kept.move_to_end(text)
        return prepared

    def _parse(self, text: str) -> DocumentNode:
        limits = self.meter.limits
        try:
            return parse(
                text,
                max_source_length=limits.document_characters,
                max_lexical_tokens=limits.document_tokens,
                max_comments=limits.document_tokens,
            )
        except GraphQLSyntaxError as error:
            # The parser has no other sign for a limit that was met.
            if error.message.endswith("Parsing aborted."):
                raise LimitExceeded(error.message.removeprefix("Syntax Error: ")) from None
            raise

    def check_cost(
        self, prepared: _Prepared, operation_name: str | None, variables: dict[str, object] | None
    ) -> None:
        if operation_name in prepared.within_limits:
            return
        cost = self.meter.check(prepared.document, operation_name, variables)
        if not cost.reads_variables:
            prepared.within_limits.add(operation_name)


class _GuardExtension(SchemaExtension):
    """The guard's part in one operation. What it raises ends the operation before anything runs."""

    def __init__(self, guard: _Guard) -> None:
        super().__init__()
        self.guard = guard
        self.prepared: _Prepared | None = None

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        self.prepared = self.guard.prepare(context.query or "")
        context.graphql_document = self.prepared.document
        if context._provided_operation_name is None:
            _require_single_operation(self.prepared.document)
        yield

    def on_validate(self) -> Iterator[None]:
        context, prepared = self.execution_context, self.prepared
        self.guard.check_cost(prepared, context.operation_name, context.variables)
        if prepared.validation_errors is not None:
            context.pre_execution_errors = prepared.validation_errors
        yield
        if prepared.validation_errors is None:
            prepared.validation_errors = context.pre_execution_errors or []


def _require_single_operation(document: DocumentNode) -> None:
    operations = sum(isinstance(d, OperationDefinitionNode) for d in document.definitions)
    if operations > 1:
        raise InvalidInput("The document has several operations; operationName must say which to run.")
