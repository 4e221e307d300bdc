"""What the document cannot say of a request that it calls valid, and what the tool mistakes."""

import unicodedata
import uuid

import schemathesis

TENANT = "fuzz"
LATER = "2996"  # Has a 29 February.
EVENT = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"enum": ["open", "store", "reset"]},
        "id": {"type": "string", "minLength": 1},
        "data": {"type": "string", "contentMediaType": "application/json", "pattern": "^[{].*[}]$"},
    },
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """The document describes the text of the stream, as OpenAPI 3.1 does; the tool looks at each event of it."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                media = response.get("content", {}).get("text/event-stream")
                if media is not None:
                    media["schema"] = EVENT


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    query = case.query if case.query else {}
    headers = case.headers if case.headers else {}
    # A key is one tenant's: another's name is refused as it should be, and nothing behind would be reached.
    if "tenant" in query:
        query["tenant"] = TENANT
    if "X-Tenant" in headers:
        headers["X-Tenant"] = TENANT
    # Tokens that an earlier answer gave; made-up ones are refused.
    query.pop("cursor", None)
    # Where an earlier export of the same range was left.
    query.pop("after", None)
    query.pop("digest", None)
    headers.pop("X-Position", None)
    headers.pop("Last-Event-ID", None)
    # The tool has few keys and uses them again for other requests, which is refused: some of it is enough.
    if "Idempotency-Key" in headers:
        own = uuid.uuid5(uuid.NAMESPACE_URL, f"{case.formatted_path} {case.body} {headers['Idempotency-Key']}")
        if own.int % 4 > 0:
            headers["Idempotency-Key"] = str(own)
    # Blanks around are taken away, and nothing may not be left.
    if isinstance(query.get("q"), str) and is_blank(query["q"]):
        del query["q"]
    # What the coverage phase writes where it cannot make a value from a pattern.
    for name in ("If-Match", "If-None-Match"):
        if headers.get(name) == "0":
            del headers[name]
    # Times that are not over are refused, and so are revisions that a store has not reached.
    for name in ("from", "to"):
        if case.operation.path.endswith("/export"):
            query.pop(name, None)
        if case.operation.path.endswith("/diff") and name in query:
            query[name] = "0"
    # What the stateful phase takes for the id of an API key is that of the audit key.
    if case.operation.path.endswith("/keys/{id}") and len(case.path_parameters["id"]) != 16:
        case.path_parameters["id"] = "0" * 16
    if isinstance(case.body, dict):
        correct_body(case.operation.path, case.body)


def correct_body(path, body):
    name = body.get("name")
    if path.endswith("/stores") and isinstance(name, str):
        body["name"] = store_name(name)
    parameters = body.get("parameters")
    if isinstance(parameters, dict):
        correct_parameters(body.get("engine"), parameters)
    if path.endswith("/keys"):
        if isinstance(name, str) and is_blank(name):
            body["name"] = "0"
        # An operator's key has no tenant.
        if isinstance(body.get("roles"), list):
            body["roles"] = ["admin" if role == "operator" else role for role in body["roles"]]
        # A key that ends before now is refused.
        if isinstance(body.get("expiresAt"), str):
            body["expiresAt"] = LATER + body["expiresAt"][4:]


def correct_parameters(engine, parameters):
    # The tool does not know that one value may depend on another.
    if engine == "medusa" and "country" in parameters:
        parameters.setdefault("currency", "EUR")
    # No pattern says which zones and languages there are.
    if "timeZone" in parameters:
        parameters["timeZone"] = "UTC"
    if "locale" in parameters:
        parameters["locale"] = "en_US"


def is_blank(text):
    return text.strip("\ufeff" + "".join(filter(str.isspace, text))) == ""


def store_name(text):
    """The tool takes characters for letters and marks that Unicode has not assigned, and knows no letter beyond U+024F."""
    kinds = {each: unicodedata.category(each)[0] for each in text}
    name = "".join(each for each in text if kinds[each] in "LMN" or each in " .,'&()_-")
    # In the form that the service counts a name may be longer, but written in it the tool may not know its letters.
    while len(unicodedata.normalize("NFC", name)) > 50:
        name = name[:-1]
    return name if any(kinds[each] in "LN" for each in name) else "0"
