"""What can go wrong in the store, as errors of one line with a hint.

StoreError
├── StoreUnavailable        cannot be opened, reached or written to
├── StoreNewerThanCode      migrated by a newer version of the program
├── StoreIncomplete         a table or index that the code relies on is missing
├── CorruptBlob             a packed series, composition or document is damaged
│   └── NewerBlob           it is packed by a newer version of the program
├── DatasetGone             a run was to be launched on a dataset that is deleted or never was
├── QueueFull               as many runs wait as are allowed to
└── InvalidCursor           not a cursor of this list, this filter and this order

Functions that look one thing up by its id return None when it does not exist.
"""

from __future__ import annotations


class StoreError(Exception):
    """`message` says what happened, `hint` what to do about it (None when there is nothing to do)."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"


class StoreUnavailable(StoreError):
    pass


class StoreNewerThanCode(StoreError):
    pass


class StoreIncomplete(StoreError):
    pass


class CorruptBlob(StoreError):
    pass


class NewerBlob(CorruptBlob):
    pass


class DatasetGone(StoreError):
    def __init__(self, dataset_id: int) -> None:
        super().__init__(f"dataset {dataset_id} does not exist or is deleted", "choose another dataset")
        self.dataset_id = dataset_id


class QueueFull(StoreError):
    """`limit` runs are waiting already."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the queue is full: {limit} runs are waiting", "try again when some have finished")
        self.limit = limit


class InvalidCursor(StoreError):
    def __init__(self) -> None:
        super().__init__(
            "the cursor does not belong to this list, filter and order",
            "start from the first page, or repeat the query that gave the cursor",
        )
