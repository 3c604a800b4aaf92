"""The answer to a request whose result is posted later; it says nothing about the result."""

from aiohttp import web


def acknowledged(conversation_id: str, originator_conversation_id: str) -> web.Response:
    """M-Pesa took the request. Whether its sender may ask for it at all is only told by the result."""
    return web.json_response(
        {
            "OriginatorConversationID": originator_conversation_id,
            "ConversationID": conversation_id,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
    )
