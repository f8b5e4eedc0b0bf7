"""What others keep of each order line: the state of the synchronisation, its API calls and audit times.

firn adds a row for every new line and never writes to it again. ``order_list_full`` shows the 433 columns of the
original table, in its order, out of ``order_list`` and these.
"""

from __future__ import annotations

from typing import Final

from firn import Companion
from transforms.order_lists.columns import COLUMNS

__all__ = ["ORDER_LIST_SYNC"]

_COLUMNS: Final = {
    "group_id": "text",
    "sync_state": "text NOT NULL DEFAULT 'NEW'",
    "last_synced_at": "timestamptz",
    "monday_item_id": "bigint",
    "action_type": "text",
    "sync_attempted_at": "timestamptz",
    "sync_completed_at": "timestamptz",
    "sync_error_message": "text",
    "sync_pending_at": "timestamptz",
    "retry_count": "integer DEFAULT 0",
    "api_request_payload": "jsonb",
    "api_response_payload": "jsonb",
    "api_request_timestamp": "timestamptz",
    "api_response_timestamp": "timestamptz",
    "api_operation_type": "text",
    "api_status": "text",
    "api_error_message": "text",
    "created_at": "timestamptz DEFAULT now()",
    "updated_at": "timestamptz DEFAULT now()",
}
_BEFORE: Final = ("record_uuid", *(column.name for column in COLUMNS), "_SOURCE_TABLE")
_SYNC: Final = ("group_name", "group_id", "item_name", "row_hash", *list(_COLUMNS)[1:])

ORDER_LIST_SYNC: Final = Companion(
    of="order_list",
    table="order_list_sync",
    key="record_uuid",
    columns=_COLUMNS,
    view="order_list_full",
    shown=(*_BEFORE, *_SYNC),
)
