"""Hostile bytes as JSON, on the data plane and the control plane: what is refused, in whose words, and that the engine sees
exactly what was checked. A body that is wrong ends no connection. docs/security.md names these tests."""

import json
import re

import pytest

from conftest import GATEWAY, KEPT
from cpu import bounded_cpu
from hostile import PATH, attack, chat, code_of
from memory import FACTOR, SMALL_QUARANTINE, peak_mib
from service import Lazuli, free_port
from wire import Wire

MESSAGES = b'"messages":[{"role":"user","content":"Hi"}]'
# Each takes less than one even with a sanitizer, but to go over a body of 32 MiB again for each page of it takes more.
CPU_S = 4
HINT = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly."


def request(more):
    return b"{" + MESSAGES + b"," + more + b"}"


def message(more):
    return b'{"messages":[{"role":"user",' + more + b"}]}"


def content(text):
    return message(b'"content":"' + text + b'"')


def ask(gateway, upstream, body, status, calls=0):
    (reply,) = attack(gateway, upstream, chat(gateway, body=body), [status], False, calls)
    return json.loads(reply[3])


# -- What is no JSON ---------------------------------------------------------------------------------------------------

WHOLE = b"{" + MESSAGES + b"}"
NO_JSON = {
    "empty": b"",
    "blanks": b" \r\n\t",
    "byte order mark": b"\xef\xbb\xbf" + WHOLE,
    "UTF-16": WHOLE.decode().encode("utf-16"),
    "UTF-16, no mark": WHOLE.decode().encode("utf-16-le"),
    "UTF-32": WHOLE.decode().encode("utf-32-be"),
    "comment": b"{" + MESSAGES + b"/*x*/}",
    "comment to the line's end": WHOLE + b"//x",
    "comment of a shell": b"#x\n" + WHOLE,
    "comma at an object's end": b"{" + MESSAGES + b",}",
    "comma at an array's end": b'{"messages":[{"role":"user","content":"Hi"},]}',
    "bytes behind": WHOLE + b"x",
    "brace behind": WHOLE + b"}",
    "NUL behind": WHOLE + b"\0",
    "no-break space before": b"\xc2\xa0" + WHOLE,
    "vertical tab behind": WHOLE + b"\x0b",
    "two documents": WHOLE + WHOLE,
    "two lines": WHOLE + b"\n" + WHOLE,
    "single quotes": b"{'messages':[]}",
    "no quotes": b"{messages:[]}",
    "number": b"1",
    "string": b'"x"',
    "null": b"null",
    "true": b"true",
    "array": b"[]",
    "NaN": request(b'"temperature":NaN'),
    "nan": request(b'"temperature":nan'),
    "Infinity": request(b'"temperature":Infinity'),
    "-Infinity": request(b'"temperature":-Infinity'),
    "leading zero": request(b'"max_tokens":01'),
    "plus": request(b'"max_tokens":+1'),
    "hex": request(b'"max_tokens":0x1'),
    "no digit before the point": request(b'"temperature":.5'),
    "no digit behind the point": request(b'"temperature":5.'),
    "lone high surrogate": content(b"\\ud800"),
    "lone low surrogate": content(b"\\udc00"),
    "surrogates in the wrong order": content(b"\\udc00\\ud800"),
    "high surrogate before a letter": content(b"\\ud800x"),
    "surrogate in UTF-8": content(b"\xed\xa0\x80"),
    "overlong UTF-8": content(b"\xc0\x80"),
    "no UTF-8": content(b"\xff"),
    "half UTF-8": content(b"\xe2\x82"),
    "beyond Unicode": content(b"\xf4\x90\x80\x80"),
    "no UTF-8 in a name": request(b'"\xff":1'),
    "unknown escape": content(b"\\x41"),
    "short escape": content(b"\\u12"),
    "line end in a string": content(b"a\nb"),
    "NUL in a string": content(b"a\0b"),
    "NUL between": b'{"messages":\0[]}',
    "open arrays": b"[" * 100000,
    "deep arrays": b"[" * 90000 + b"]" * 90000,
    "deep objects": b'{"a":' * 30000 + b"1" + b"}" * 30000,
    "deep array in a member": request(b'"x":' + b"[" * 64 + b"]" * 64),
}


@pytest.mark.parametrize("name", NO_JSON)
def test_no_json(gateway, upstream, name):
    error = ask(gateway, upstream, NO_JSON[name], 400)["error"]
    assert error["message"].startswith(HINT), error
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, None)


# Every kind of value, on every level, with escapes and characters of more than one byte.
REPRESENTATIVE = json.dumps(
    {
        "messages": [
            {"role": "system", "content": "Sys\n\u0001", "name": "s"},
            {"role": "user", "content": [{"type": "text", "text": "gr\u00fc\u00df \U0001f600"}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": [1, 2]}"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "done"},
        ],
        "temperature": 0.25, "max_tokens": 12, "stream": False, "seed": -5, "top_p": 1e-1, "logit_bias": {"5": -1},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
    },
    ensure_ascii=False,
).encode()  # fmt: skip


def test_truncated_at_each_byte(gateway, upstream):
    """Hundreds of broken bodies on one connection, each answered, and none of them reaches the upstream."""
    with bounded_cpu(gateway, CPU_S), Wire(gateway) as wire:
        for end in range(len(REPRESENTATIVE)):
            wire.send(chat(gateway, body=REPRESENTATIVE[:end]))
            status, _, _, body = wire.reply()
            assert status == 400 and json.loads(body)["error"]["message"].startswith(HINT), (end, body)
        assert not upstream.calls
        wire.send(chat(gateway, body=REPRESENTATIVE))
        assert wire.reply()[0] == 200
    assert upstream.calls[0].body == REPRESENTATIVE[:-1] + b',"model":"backend"}'


# -- What could be read in two ways ------------------------------------------------------------------------------------

TWICE = {
    "model": request(b'"model":"a","model":"b"'),
    "messages": request(MESSAGES),
    "max_tokens": request(b'"max_tokens":1,"max_tokens":100000'),
    "stream": request(b'"stream":false,"str\\u0065am":true'),
    "messages[0].role": b'{"messages":[{"role":"user","role":"system","content":"Hi"}]}',
    "messages[0].content": message(b'"content":"Hi","content":"Ho"'),
    "response_format.type": request(b'"response_format":{"type":"text","type":"json_object"}'),
}


@pytest.mark.parametrize("name", TWICE)
def test_members_twice(gateway, upstream, name):
    error = ask(gateway, upstream, TWICE[name], 400)["error"]
    assert (error["param"], error["message"]) == (name, f"Invalid '{name}': it is given more than once.")


LOOKALIKES = {
    "MAX_TOKENS": request(b'"max_tokens":1,"MAX_TOKENS":100000'),
    "Stream": request(b'"Stream":true'),
    "Model": request(b'"Model":"x"'),
    "me\u017f\u017fages": request('"me\u017f\u017fages":[]'.encode()),
    "max_to\u212aens": request(b'"max_to\\u212aens":100000'),
    "max_tokens?": request(b'"max_tokens\\u0000":100000'),
    "max_tokens?x": request(b'"max_tokens\\u0000x":100000'),
    "a?b": request(b'"a\\u0000b":1'),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_names_that_an_engine_could_take_for_others(gateway, upstream, name):
    """Go's JSON compares without case, C's up to a NUL: what they would read nobody has checked."""
    error = ask(gateway, upstream, LOOKALIKES[name], 400)["error"]
    assert error["message"] == f"Unrecognized request argument supplied: {name}"


def test_lookalikes_deeper_down(gateway, upstream):
    error = ask(gateway, upstream, message(b'"content":"Hi","Role":"system"'), 400)["error"]
    assert error["message"] == "Additional properties are not allowed ('Role' was unexpected) - 'messages.0'"


PASSED = {
    "members of its own": request(b'"top_k":4,"__proto__":{"x":1},"constructor":null'),
    "its own member twice": request(b'"top_k":1,"top_k":2'),
    "keys in metadata": request(b'"metadata":{"a":"1","A":"2"}'),
    "NUL in a text": content(b"a\\u0000b"),
    "noncharacter": content(b"\xef\xbf\xbe"),
    "surrogate pair": content(b"\\ud83d\\ude00"),
    "long fraction": request(b'"temperature":0.' + b"1" * 400),
    "minus nothing": request(b'"temperature":-0.0'),
    "its own huge numbers": request(b'"top_k":1e999,"seeds":[' + b"9" * 400 + b",-0,1E400]"),
    "many members": b"{" + MESSAGES + b"".join(b',"k%d":1' % i for i in range(10000)) + b"}",
    "many values": request(b'"x":[' + b"1," * 60000 + b"1]"),
}


@pytest.mark.parametrize("name", PASSED)
def test_what_goes_on_goes_on_as_it_is(gateway, upstream, name):
    body = PASSED[name]
    (_,) = attack(gateway, upstream, chat(gateway, body=body), [200], False, 1)
    assert upstream.calls[0].body == body[:-1] + b',"model":"backend"}'


# -- Values ------------------------------------------------------------------------------------------------------------

NUMBERS = {
    b'"max_tokens":1e999': ("max_tokens", "invalid_type"),
    b'"max_tokens":1E400': ("max_tokens", "invalid_type"),
    b'"max_tokens":1.0': ("max_tokens", "invalid_type"),
    b'"max_tokens":-0': ("max_tokens", "integer_below_min_value"),
    b'"max_tokens":' + b"9" * 400: ("max_tokens", "integer_above_max_value"),
    b'"max_tokens":-' + b"9" * 400: ("max_tokens", "integer_below_min_value"),
    b'"temperature":1e999': ("temperature", "decimal_above_max_value"),
    b'"temperature":-1e999': ("temperature", "decimal_below_min_value"),
    b'"seed":9223372036854775808': ("seed", "integer_above_max_value"),
    b'"seed":18446744073709551616': ("seed", "integer_above_max_value"),
    b'"logit_bias":{"1":1e999}': ("logit_bias.1", "decimal_above_max_value"),
    b'"logit_bias":{"1":1,"1":1000}': ("logit_bias.1", "decimal_above_max_value"),
}


@pytest.mark.parametrize("member", NUMBERS, ids=range(len(NUMBERS)))
def test_numbers(gateway, upstream, member):
    error = ask(gateway, upstream, request(member), 400)["error"]
    assert (error["param"], error["code"]) == NUMBERS[member], error


NULS = {
    "role": (b'{"messages":[{"role":"us\\u0000er","content":"Hi"}]}', "Invalid value: 'us?er'."),
    "bias": (request(b'"logit_bias":{"1\\u00002":1}'), "Invalid key in 'logit_bias': 1?2."),
    "format": (request(b'"response_format":{"type":"text\\u0000"}'), "Invalid value: 'text?'."),
}


@pytest.mark.parametrize("name", NULS)
def test_a_nul_ends_no_message(gateway, upstream, name):
    body, text = NULS[name]
    assert ask(gateway, upstream, body, 400)["error"]["message"].startswith(text)


def test_the_name_of_a_deployment_with_a_nul(gateway, upstream):
    body = request(b'"model":"scripted\\u0000x"')
    (reply,) = attack(gateway, upstream, chat(gateway, body=body, path="/openai/v1/chat/completions"), [404], False)
    assert code_of(reply[3]) == "DeploymentNotFound"


# Deployment and path, the member that is asked with, and a body with every kind of value.
OTHERS = {
    "completions": (
        "instruct/completions",
        b"prompt",
        '{"prompt":["gr\u00fc\u00df","\\u0001"],"n":1,"top_p":1e-1,"logit_bias":{"5":-1},"echo":false}'.encode(),
    ),
    "embeddings": (
        "vectors/embeddings",
        b"input",
        '{"input":["gr\u00fc\u00df","\\u0001"],"dimensions":12,"user":"u","encoding_format":"float"}'.encode(),
    ),
}
NO_PROMPT = "Invalid type for 'NAME': expected one of a string or array, but got a decimal number instead."
# The code, whether the member is named, and how the message begins.
WRONG = {
    "empty": (b"", None, False, HINT),
    "array": (b"[]", None, False, HINT),
    "lone surrogate": (b'{"NAME":"\\ud800"}', None, False, HINT),
    "twice": (b'{"NAME":"Hi","NAME":"Ho"}', None, True, "Invalid 'NAME': it is given more than once."),
    "huge number": (b'{"NAME":1e999}', "invalid_type", True, NO_PROMPT),
}


def path_of(operation):
    return PATH.replace("scripted/chat/completions", OTHERS[operation][0])


@pytest.mark.parametrize("operation", OTHERS)
@pytest.mark.parametrize("wrong", WRONG)
def test_other_operations(gateway, upstream, operation, wrong):
    name = OTHERS[operation][1]
    body, code, is_named, text = WRONG[wrong]
    data = chat(gateway, body=body.replace(b"NAME", name), path=path_of(operation))
    (reply,) = attack(gateway, upstream, data, [400], False)
    error = json.loads(reply[3])["error"]
    assert error.pop("message").startswith(text.replace("NAME", name.decode()))
    assert error == {"type": "invalid_request_error", "param": name.decode() if is_named else None, "code": code}


@pytest.mark.parametrize("operation", OTHERS)
def test_other_operations_truncated_at_each_byte(gateway, upstream, operation):
    body, path = OTHERS[operation][2], path_of(operation)
    with Wire(gateway) as wire:
        for end in range(len(body)):
            status, _, _, text = wire.send(chat(gateway, body=body[:end], path=path)).reply()
            assert status == 400 and json.loads(text)["error"]["message"].startswith(HINT), (end, text)
        assert not upstream.calls
        wire.send(chat(gateway, body=body, path=path)).reply()
    assert [call.body for call in upstream.calls] == [body[:-1] + b',"model":"backend"}']


# -- The control plane -------------------------------------------------------------------------------------------------

DEPLOYMENT = (
    b'"sku":{"name":"Standard","capacity":1},"properties":{"model":{"format":"OpenAI","name":"gpt-4o","version":"2024-11-20"}}'
)
TWICE_IN_ARM = {
    "sku": b'{"sku":{},' + DEPLOYMENT + b"}",
    "SKU": b"{" + DEPLOYMENT + b',"SKU":{"name":"Standard","capacity":9}}',
    "capacity": b'{"sku":{"name":"Standard","capacity":1,"capacity":9},"properties":{}}',
    "zzz": b'{"zzz":1,"zzz":2,' + DEPLOYMENT + b"}",
    "k": b'{"tags":{"k":"1","j":"2","K":"3"}}',
}
NO_JSON_FOR_ARM = {
    "empty": b"",
    "null": b"null",
    "array": b"[]",
    "byte order mark": b"\xef\xbb\xbf{" + DEPLOYMENT + b"}",
    "UTF-16": b"{}".decode().encode("utf-16"),
    "bytes behind": b"{" + DEPLOYMENT + b"}x",
    "comma": b"{" + DEPLOYMENT + b",}",
    "no UTF-8": b'{"a":"\xff"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "open arrays": b"[" * 100000,
    "deep objects": b'{"a":' * 65 + b"1" + b"}" * 65,
    "NUL in a name": b'{"sk\\u0000u":1,' + DEPLOYMENT + b"}",
    "NUL in a text": b'{"sku":{"name":"Stan\\u0000dard","capacity":1},"properties":{}}',
    "NUL in a tag": b'{"tags":{"a\\u0000b":"1"}}',
    "huge number": DEPLOYMENT.join([b"{", b"}"]).replace(b'"capacity":1', b'"capacity":1e999'),
    "400 digits": DEPLOYMENT.join([b"{", b"}"]).replace(b'"capacity":1', b'"capacity":' + b"9" * 400),
}


def arm_error(gateway, upstream, body, status=400):
    target = f"{gateway.account_id}/deployments/hostile?api-version=2023-05-01"
    head = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    (reply,) = attack(gateway, upstream, head.encode() + body, [status], False)
    assert gateway.arm("GET", "/deployments/hostile").status_code == 404
    return json.loads(reply[3])["error"]


@pytest.mark.parametrize("name", TWICE_IN_ARM)
def test_members_twice_for_the_control_plane(gateway, upstream, name):
    """Its names go without case, so that which one counted would depend on the reader."""
    error = arm_error(gateway, upstream, TWICE_IN_ARM[name])
    assert (error["code"], error["target"].lower()) == ("InvalidRequestContent", name.lower())
    assert re.search(rf"'{name}' is given more than once", error["message"], re.IGNORECASE)


@pytest.mark.parametrize("name", NO_JSON_FOR_ARM)
def test_no_json_for_the_control_plane(gateway, upstream, name):
    error = arm_error(gateway, upstream, NO_JSON_FOR_ARM[name])
    assert error["code"] == "InvalidRequestContent"
    assert error["message"].startswith("The request content was invalid and could not be deserialized: ")


def test_a_document_truncated_at_each_byte(gateway):
    document = b"{" + DEPLOYMENT + b"}"
    head = (
        f"PUT {gateway.account_id}/deployments/hostile?api-version=2023-05-01 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {gateway.token}\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    with Wire(gateway) as wire:
        for end in range(len(document)):
            wire.send(head % end + document[:end])
            status, _, _, body = wire.reply()
            assert (status, code_of(body)) == (400, "InvalidRequestContent"), (end, body)


# -- Size --------------------------------------------------------------------------------------------------------------

MIB = 1 << 20


def largest(before, fill, after):
    """A body of exactly the default limit."""
    room = 32 * MIB - len(before) - len(after)
    return before + fill * (room // len(fill)) + b" " * (room % len(fill)) + after


LARGE = {
    "string": (b'{"messages":[{"role":"user","content":"', b"x", b'"}]}', 200),
    "string of escapes": (b'{"messages":[{"role":"user","content":"', b"\\u0001", b'"}]}', 200),
    "string not ended": (b'{"messages":[{"role":"user","content":"', b"x", b"", 400),
    "name": (b"{" + MESSAGES + b',"', b"x", b'":1}', 200),
    "number": (b"{" + MESSAGES + b',"max_tokens":1', b"0", b"}", 400),
    "open arrays": (b"", b"[", b"", 400),
    "empty arrays": (b"{" + MESSAGES + b',"x":[', b"[],", b"[]]}", 400),
    "blanks": (b"", b" ", b"{}", 400),
}


@pytest.fixture(scope="module")
def roomy(upstream_server):
    """With the limits as they are by default."""
    environment = {"FAKE_KEY": "x"} | SMALL_QUARANTINE
    catalog = GATEWAY.format(port=upstream_server.port, dead=free_port()) + KEPT
    with Lazuli(catalog=catalog, environment=environment) as service:
        service.deploy("scripted", "gpt-4o", "2024-11-20", capacity=1000)
        yield service


@pytest.mark.parametrize("name", LARGE)
def test_a_body_as_large_as_the_limit(roomy, upstream, name):
    """It takes seconds of a processor at most, and memory of a few times its size, which the next one takes again."""
    before, fill, after, wanted = LARGE[name]
    body = largest(before, fill, after)
    with bounded_cpu(roomy, CPU_S), Wire(roomy, timeout=600) as wire:
        for _ in range(2):
            wire.send(chat(roomy, body=body))
            assert wire.reply()[0] == wanted
    assert peak_mib(roomy) < 256 * FACTOR
    assert len(upstream.calls) == (2 if wanted == 200 else 0)


def test_a_body_larger_than_the_limit(roomy, upstream):
    """Refused by its head: nothing of it is read into memory."""
    with Wire(roomy) as wire:
        wire.send(chat(roomy, f"Content-Length: {32 * MIB + 1}\r\n", body=b"", length=False))
        status, _, headers, body = wire.reply()
    assert (status, code_of(body), headers["connection"]) == (413, "413", "close")


def test_a_document_larger_than_the_limit(roomy):
    answer = roomy.arm("PUT", "/deployments/hostile", {"a": "x" * (4 * MIB)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "value", ["x" * (3 * MIB), [0] * MIB, {str(i): {} for i in range(100000)}], ids=["text", "list", "object"]
)
def test_a_document_that_would_be_kept(roomy, value):
    """What is kept of it is read again with that of all others, whenever somebody lists them and at each start."""
    body = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus", "properties": {"apiProperties": {"a": value}}}
    account = roomy.account_id.rpartition("/")[0] + "/large"
    answer = roomy.arm("PUT", account, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "RequestEntityTooLarge"), answer.text[:300]
    assert roomy.arm("GET", account).status_code == 404


def test_many_small_changes_make_no_large_document(roomy):
    body = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus"}
    account = roomy.account_id.rpartition("/")[0] + "/grows"
    assert roomy.arm("PUT", account, body).status_code == 201
    for i in range(10):
        answer = roomy.arm("PATCH", account, {"properties": {"apiProperties": {str(i): {"text": "x" * 20000}}}})
        if answer.status_code != 200:
            break
    assert (answer.status_code, i) == (413, 3)
    assert len(roomy.arm("GET", account).json()["properties"]["apiProperties"]) == 3


def test_many_members_of_a_document(roomy):
    """Looking for those that are there twice takes no quadratic time."""
    members = {f"k{i}": 1 for i in range(250000)}
    with bounded_cpu(roomy, CPU_S):
        answer = roomy.arm("PUT", "/deployments/hostile", members)
    assert answer.status_code == 400 and answer.json()["error"]["target"] == "properties.model.name"
