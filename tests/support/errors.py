"""Azure's words for what fails behind a deployment."""

UNEXPECTED = {
    "error": {
        "code": "InternalServerError",
        "message": "Backend returned unexpected response. Please contact Microsoft for help.",
    }
}
TIMEOUT = {"error": {"code": "Timeout", "message": "The operation was timeout."}}
UNAVAILABLE = {
    "error": {
        "code": "ServiceUnavailable",
        "message": "The service is temporarily unable to process your request. Please try again later.",
    }
}


def is_server_error(error):
    return error["message"].startswith("The server had an error while processing your request. Sorry about that!") and (
        error["type"],
        error["param"],
        error["code"],
    ) == ("server_error", None, None)
