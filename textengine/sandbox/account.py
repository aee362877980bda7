"""Of Twilio's API, what is about the account itself: its numbers and services, and where texts to them are taken."""

from starlette.routing import Route

from .api import ACCOUNT, authenticate, json_response, logged_in, read_form
from .listing import one_page, read_query
from .store import API_VERSION, rfc2822


async def account(request):
    """Show the account that logs in."""
    sid = authenticate(request)
    return json_response(
        {
            "sid": sid,
            "owner_account_sid": sid,
            "friendly_name": "Sandbox",
            "status": "active",
            "type": "Full",
            "date_created": rfc2822(0),
            "date_updated": rfc2822(0),
            "subresource_uris": {},
            "uri": f"/{API_VERSION}/Accounts/{sid}.json",
        }
    )


async def numbers(request):
    """List our numbers, or those with the digits that are asked for."""
    asked = read_query(request.url).get("PhoneNumber", "")
    rows = request.app.state.inboxes.list_numbers(authenticate(request), asked)
    return json_response(one_page(request.url, "incoming_phone_numbers", rows))


async def number(request):
    """Show one of our numbers, once what is posted of it is set."""
    account_sid, inboxes = authenticate(request), request.app.state.inboxes
    found = inboxes.number_of(request.path_params["sid"])
    if request.method == "POST":
        inboxes.change_number(found, await read_form(request))
    return json_response(inboxes.number_resource(account_sid, found))


async def service(request):
    """Show a messaging service, once what is posted of it is set."""
    account_sid, inboxes = logged_in(request), request.app.state.inboxes
    if request.method == "POST":
        inboxes.change_service(request.path_params["sid"], await read_form(request))
    return json_response(inboxes.service_resource(account_sid, request.path_params["sid"]))


routes = [
    Route(f"{ACCOUNT}.json", account, methods=["GET"]),
    Route(f"{ACCOUNT}/IncomingPhoneNumbers.json", numbers, methods=["GET"]),
    Route(f"{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", number, methods=["GET", "POST"]),
    # Twilio has this one on a host of its own.
    Route("/v1/Services/{sid}", service, methods=["GET", "POST"]),
]
