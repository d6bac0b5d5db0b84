"""A client of the control plane that writes without rest and knows afterwards what must be there.

Each writer has resource groups, accounts and deployments of its own, and deployments in an account that all share. At any
moment at most one of its writes has no answer yet: that one may have come to be or not, whole in either case; of all
others it knows how they ended.
"""

import dataclasses
import http.client
import json

COGNITIVE_VERSION = "2024-10-01"
GROUP_VERSION = "2022-12-01"
MODEL = {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}
GROUPS, ACCOUNTS, DEPLOYMENTS = 2, 3, 8  # names a writer chooses from: a group, accounts of one, deployments of one


class GoneError(Exception):
    """The service ended before it had answered: the write may have come to be or not."""


class Connection:
    """Kept-alive HTTP to the service; made anew where it is not there."""

    def __init__(self, service):
        self.service = service
        self.http = None

    def open(self):
        if self.http is None:
            self.http = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=60)
        return self.http

    def call(self, method, path, body=None, version=None, key=None):
        """Status and parsed body; `version` is an api-version, `key` one of the data plane."""
        who = {"api-key": key} if key else {"Authorization": f"Bearer {self.service.token}"}
        target = f"{path}{'&' if '?' in path else '?'}api-version={version}" if version else path
        data = None if body is None else json.dumps(body)
        try:
            self.open().request(method, target, data, who | {"Content-Type": "application/json"})
            answer = self.http.getresponse()
            # ports change with each start, and with them what is shown of endpoints
            text = answer.read().decode().replace(self.service.endpoint, "")
        except (OSError, http.client.HTTPException) as failure:
            self.close()
            raise GoneError from failure
        return answer.status, json.loads(text) if text else None

    def arm(self, method, path, body=None):
        is_cognitive = "/microsoft.cognitiveservices/" in path.lower()
        version = COGNITIVE_VERSION if is_cognitive else GROUP_VERSION
        return self.call(method, path, body, None if "api-version=" in path else version)

    def arm_list(self, path):
        """All items, page after page, small ones so that there are several."""
        items, path = {}, f"{path}?$top=7"
        while path:
            status, page = self.arm("GET", path)
            assert status == 200, page
            found = {item["id"]: item for item in page["value"]}
            assert not found.keys() & items.keys(), "an item is listed twice"
            items |= found
            path = page.get("nextLink")
        return items

    def chat(self, deployment, key):
        body = {"messages": [{"role": "user", "content": "?"}], "max_tokens": 1}
        path = f"/openai/deployments/{deployment}/chat/completions"
        return self.call("POST", path, body, "2024-02-01", key)[0]

    def close(self):
        if self.http:
            self.http.close()
        self.http = None


@dataclasses.dataclass
class Pending:
    """A write without an answer."""

    method: str
    path: str
    body: dict | None
    before: dict | None  # what was there


def parent_of(path):
    return path.rsplit("/", 2)[0]


class Writer:
    """`on_answer` is called as soon as a write is acknowledged."""

    def __init__(self, number, service, random, on_answer):
        self.service, self.random, self.on_answer = service, random, on_answer
        self.shared = service.account_id
        self.capacities = (1, 30)
        self.connection = Connection(service)
        base = f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups"
        self.groups = [f"{base}/writer-{number}-{n}" for n in range(GROUPS)]
        self.prefix = f"w{number}"
        self.documents = {}  # what is there, by id
        self.keys = {}  # two of each account
        self.dead_keys = []  # of accounts that are gone, and those that were replaced, since the last check
        self.stale = set()  # accounts whose etag has changed with their keys
        self.gone = set()  # deployments deleted since the last check
        self.pending = None
        self.writes = 0  # that were acknowledged
        self.unknown = {"came to be": 0, "did not": 0}
        self.failure = None

    # -- What is there

    def groups_there(self):
        return [path for path in self.groups if path in self.documents]

    def accounts_there(self):
        return [path for path in self.documents if path.count("/") == 8]

    def deployments_there(self, account=None):
        return [path for path in self.documents if path.count("/") == 10 and account in (None, parent_of(path))]

    def below(self, path):
        return [each for each in self.documents if each.startswith(path + "/")]

    def forget(self, path):
        """What is at the path, and below it, is gone."""
        for each in [path, *self.below(path)]:
            self.documents.pop(each, None)
            self.dead_keys += self.keys.pop(each, ())
            self.stale.discard(each)
            if each.count("/") == 10:
                self.gone.add(each)

    def keep(self, path, document):
        self.documents[path] = document
        self.gone.discard(path)

    # -- Writing

    def run(self):
        """Until the service goes."""
        try:
            while True:
                self.step()
        except GoneError:
            pass
        except Exception as failure:  # the driver's thread reports it
            self.failure = failure

    def step(self):
        """One write, where there is something that it can be about."""
        chances = {
            self.put_deployment: 40,
            self.patch: 15,
            self.delete_deployment: 15,
            self.rotate: 8,
            self.put_account: 8,
            self.delete_account: 4,
            self.put_group: 4,
            self.delete_group: 2,
        }
        self.random.choices(list(chances), chances.values())[0]()

    def write(self, method, path, body, statuses):
        """An acknowledged write's answer; GoneError leaves it pending."""
        self.pending = Pending(method, path, body, self.documents.get(path))
        status, answer = self.connection.arm(method, path, body)
        self.on_answer()
        assert status in statuses, f"{method} {path}: {status} {answer}"
        self.pending = None
        self.writes += 1
        return answer

    def stamp(self):
        """Something that no other write says."""
        return {"write": f"{self.prefix}-{self.random.getrandbits(48):x}"}

    def put(self, path, body):
        statuses = (200,) if path in self.documents else (201,)
        self.keep(path, self.write("PUT", path, body, statuses))

    def put_group(self):
        self.put(self.random.choice(self.groups), {"location": "eastus", "tags": self.stamp()})

    def put_account(self):
        if not self.groups_there():
            return
        group = self.random.choice(self.groups_there())
        name = f"{self.prefix}g{self.groups.index(group)}a{self.random.randrange(ACCOUNTS)}"
        path = f"{group}/providers/Microsoft.CognitiveServices/accounts/{name}"
        properties = {"customSubDomainName": name} if name.endswith("1") else {}
        body = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus", "tags": self.stamp(), "properties": properties}
        body["identity"] = {"type": self.random.choice(["SystemAssigned", "None"])}
        if path not in self.documents:
            self.purge(group, name)
        self.put(path, body)
        if path not in self.keys:
            self.keys[path] = self.read_keys(path)

    def purge(self, group, name):
        """The account of that name which was deleted, if one was: the name is free then."""
        subscription, group_name = group.split("/resourceGroups/")
        path = f"{subscription}/providers/Microsoft.CognitiveServices/locations/eastus/resourceGroups/{group_name}"
        status, answer = self.connection.arm("DELETE", f"{path}/deletedAccounts/{name}")
        assert status in (202, 204), answer

    def read_keys(self, account):
        status, keys = self.connection.arm("POST", f"{account}/listKeys")
        assert status == 200, keys
        return keys["key1"], keys["key2"]

    def put_deployment(self):
        account = self.random.choice([*self.accounts_there(), self.shared])
        path = f"{account}/deployments/{self.prefix}-{self.random.randrange(DEPLOYMENTS)}"
        sku = {"name": "Standard", "capacity": self.random.randint(*self.capacities)}
        self.put(path, {"sku": sku, "tags": self.stamp(), "properties": {"model": MODEL}})
        self.look_at(path)

    def patch(self):
        candidates = [*self.accounts_there(), *self.deployments_there()]
        if candidates:
            path = self.random.choice(candidates)
            self.keep(path, self.write("PATCH", path, {"tags": self.stamp()}, (200,)))

    def delete_deployment(self):
        if self.deployments_there():
            path = self.random.choice(self.deployments_there())
            self.write("DELETE", path, None, (200,))
            self.forget(path)
            self.look_at(path)

    def delete_account(self):
        empty = [path for path in self.accounts_there() if not self.deployments_there(path)]
        if empty:
            path = self.random.choice(empty)
            self.write("DELETE", path, None, (200,))
            self.forget(path)

    def delete_group(self):
        if self.groups_there():
            path = self.random.choice(self.groups_there())
            self.write("DELETE", path, None, (202,))
            self.forget(path)

    def rotate(self):
        if self.keys:
            account, number = self.random.choice(list(self.keys)), self.random.randint(0, 1)
            answer = self.write("POST", f"{account}/regenerateKey", {"keyName": f"Key{number + 1}"}, (200,))
            self.take_keys(account, (answer["key1"], answer["key2"]))
            self.reread(account)

    def take_keys(self, account, keys):
        self.dead_keys += set(self.keys[account]) - set(keys)
        self.keys[account] = keys
        self.stale.add(account)

    def reread(self, account):
        """The account with its new etag, which the answer with its keys does not show."""
        status, now = self.connection.arm("GET", account)
        assert status == 200, now
        before = self.documents[account]
        assert now["etag"] != before["etag"]
        assert now == before | {"etag": now["etag"]}
        self.documents[account] = now
        self.stale.discard(account)

    def look_at(self, path):
        """Now and then: who has the answer to a write finds it in effect."""
        account = parent_of(path)
        if account in self.keys and self.random.random() < 0.2:
            expected = 200 if path in self.documents else 404
            assert self.connection.chat(path.rsplit("/", 1)[1], self.keys[account][0]) == expected, path

    # -- After a crash

    def settle(self):
        """What became of the write that was under way: all of it, or nothing. Then what there was no time to read."""
        p, self.pending = self.pending, None
        if p:
            came_to_be = self.settle_rotation(p) if p.method == "POST" else self.settle_write(p)
            self.unknown["came to be" if came_to_be else "did not"] += 1
        for account in list(self.stale):
            self.reread(account)
        for account in self.accounts_there():
            if account not in self.keys:
                self.keys[account] = self.read_keys(account)

    def settle_write(self, p):
        status, now = self.connection.arm("GET", p.path)
        assert status in (200, 404), now
        if p.method == "DELETE":
            if status == 404:
                self.forget(p.path)
            return status == 404
        if status == 404:
            assert p.before is None, f"{p.path} is gone, and was only to be changed"
            return False
        if now == p.before:
            return False
        assert_written(p, now)
        self.keep(p.path, now)
        return True

    def settle_rotation(self, p):
        account, number = p.path.rsplit("/", 1)[0], int(p.body["keyName"][-1]) - 1
        keys, before = self.read_keys(account), self.keys[account]
        assert keys[1 - number] == before[1 - number], "the other key has changed"
        if keys == before:
            return False
        self.take_keys(account, keys)
        return True

    def check(self):
        """Everything that is this writer's is as it must be."""
        for account in [*self.accounts_there(), self.shared]:
            there = self.connection.arm_list(f"{account}/deployments")
            mine = {path: document for path, document in there.items() if path.rsplit("/", 1)[1].startswith(f"{self.prefix}-")}
            assert mine == {path: self.documents[path] for path in self.deployments_there(account)}, account
        for path in self.random.sample(list(self.documents), min(len(self.documents), 12)):
            assert self.connection.arm("GET", path) == (200, self.documents[path]), path
        for account, keys in self.keys.items():
            assert self.read_keys(account) == keys, account
            self.check_data_plane(account, keys)
        self.check_data_plane(self.shared, (self.service.key, self.service.key))
        for path in sorted(self.gone):
            assert self.connection.arm("GET", path)[0] == 404, path
        for key in self.dead_keys:
            assert self.connection.chat("any", key) == 401
        self.gone.clear()
        self.dead_keys.clear()

    def check_data_plane(self, account, keys):
        deployments = self.deployments_there(account)
        for path in self.random.sample(deployments, min(len(deployments), 2)):
            assert self.connection.chat(path.rsplit("/", 1)[1], self.random.choice(keys)) == 200, path
        for path in self.gone:
            if parent_of(path) == account:
                assert self.connection.chat(path.rsplit("/", 1)[1], keys[0]) == 404, path
        assert self.connection.chat("never-made", keys[1]) == 404


def assert_written(pending, now):
    """The document is all of what was asked for."""
    for name, asked in pending.body.items():
        if name == "properties":
            for each, value in asked.items():
                assert now["properties"][each] == value, f"{pending.path}: half of a write: {now}"
        elif name == "identity":  # none is not shown
            assert now.get(name, {"type": "None"})["type"] == asked["type"], f"{pending.path}: half of a write: {now}"
        elif name != "kind":
            assert now[name] == asked, f"{pending.path}: half of a write: {now}"
    if pending.before:
        assert "etag" not in now or now["etag"] != pending.before["etag"]
