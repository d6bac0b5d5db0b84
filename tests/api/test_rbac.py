"""Roles and assignments by Microsoft's own Python SDK, and what they let a service principal do."""

import uuid

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import Permission, RoleAssignmentCreateParameters, RoleDefinition
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.resource import ResourceManagementClient, SubscriptionClient

from arm import Token
from certificate import tls_arguments
from conftest import SIMULATED
from service import Lazuli

ROLES = "/providers/Microsoft.Authorization/roleDefinitions"
ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"


@pytest.fixture(scope="module")
def service(certificate):
    with Lazuli(catalog=SIMULATED, arguments=tls_arguments(certificate)) as running:
        yield running


def options_of(service, certificate, token):
    return {
        "credential": Token(token),
        "base_url": f"https://127.0.0.1:{service.port}",
        "credential_scopes": ["https://management.azure.com/.default"],
        "connection_verify": str(certificate / "cert.pem"),
    }


@pytest.fixture(scope="module")
def subscription(service):
    return service.variables["LAZULI_SUBSCRIPTION_ID"]


@pytest.fixture(scope="module")
def authorization(service, certificate, subscription):
    return AuthorizationManagementClient(subscription_id=subscription, **options_of(service, certificate, service.token))


@pytest.fixture(scope="module")
def principal(service, certificate, authorization, subscription):
    """The first service principal without the role that it begins with: its object id, and the SDKs' options for it."""
    variables = service.variables
    answer = requests.post(
        f"https://127.0.0.1:{service.port}/{variables['AZURE_TENANT_ID']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": variables["AZURE_CLIENT_ID"],
            "client_secret": variables["AZURE_CLIENT_SECRET"],
            "scope": "https://management.core.windows.net//.default",
        },
        verify=str(certificate / "cert.pem"),
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    options = options_of(service, certificate, answer.json()["access_token"])
    assert [s.subscription_id for s in SubscriptionClient(**options).subscriptions.list()] == [subscription]
    owner = list(authorization.role_assignments.list_for_subscription())
    assert [assignment.scope for assignment in owner] == [f"/subscriptions/{subscription}"]
    authorization.role_assignments.delete_by_id(owner[0].id)
    return owner[0].principal_id, options


def assign(authorization, scope, role, principal_id, name=None):
    role_id = next(r.id for r in authorization.role_definitions.list(scope, filter=f"roleName eq '{role}'"))
    return authorization.role_assignments.create(
        scope,
        name or str(uuid.uuid4()),
        RoleAssignmentCreateParameters(role_definition_id=role_id, principal_id=principal_id, principal_type="ServicePrincipal"),
    )


def test_definitions(authorization, subscription):
    scope = f"/subscriptions/{subscription}"
    names = {role.role_name for role in authorization.role_definitions.list(scope)}
    assert {"Owner", "Contributor", "Reader", "Cognitive Services OpenAI User"} <= names
    role = authorization.role_definitions.get(scope, OPENAI_USER)
    assert (role.role_name, role.role_type, role.assignable_scopes) == ("Cognitive Services OpenAI User", "BuiltInRole", ["/"])
    assert "Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action" in role.permissions[0].data_actions
    assert authorization.role_definitions.get_by_id(role.id).name == OPENAI_USER
    with pytest.raises(ResourceNotFoundError, match="RoleDefinitionDoesNotExist"):
        authorization.role_definitions.get(scope, str(uuid.uuid4()))


def test_custom_role(authorization, subscription):
    scope, name = f"/subscriptions/{subscription}", str(uuid.uuid4())
    role = RoleDefinition(
        role_name="Deployer " + name,
        description="Deploys models",
        role_type="CustomRole",
        permissions=[Permission(actions=["Microsoft.CognitiveServices/accounts/deployments/*"], not_actions=[])],
        assignable_scopes=[scope],
    )
    made = authorization.role_definitions.create_or_update(scope, name, role)
    assert (made.role_type, made.assignable_scopes) == ("CustomRole", [scope])
    assert made.permissions[0].actions == ["Microsoft.CognitiveServices/accounts/deployments/*"]
    assert [r.name for r in authorization.role_definitions.list(scope, filter="type eq 'CustomRole'")] == [name]
    role.description = "Deploys models, and no more"
    assert authorization.role_definitions.create_or_update(scope, name, role).description == role.description
    assignment = assign(authorization, scope, role.role_name, str(uuid.uuid4()))
    with pytest.raises(HttpResponseError, match="RoleDefinitionHasAssignments"):
        authorization.role_definitions.delete(scope, name)
    authorization.role_assignments.delete_by_id(assignment.id)
    assert authorization.role_definitions.delete(scope, name).name == name
    assert authorization.role_definitions.delete(scope, name) is None


def test_assignments(authorization, service, subscription):
    someone, scope = str(uuid.uuid4()), f"/subscriptions/{subscription}"
    made = assign(authorization, service.account_id, "Reader", someone)
    assert (made.scope, made.principal_id, made.principal_type) == (service.account_id, someone, "ServicePrincipal")
    assert made.role_definition_id.endswith(READER) and made.created_on and made.condition is None
    with pytest.raises(ResourceExistsError, match="The role assignment already exists"):
        assign(authorization, service.account_id, "Reader", someone)
    assert authorization.role_assignments.get(service.account_id, made.name).id == made.id
    assert made.id not in [a.id for a in authorization.role_assignments.list_for_scope(scope, filter="atScope()")]
    assert [a.id for a in authorization.role_assignments.list_for_scope(scope, filter=f"principalId eq '{someone}'")] == [made.id]
    group = service.variables["LAZULI_RESOURCE_GROUP"]
    found = authorization.role_assignments.list_for_resource_group(group, filter=f"assignedTo('{someone}')")
    assert [a.id for a in found] == [made.id]
    assert authorization.role_assignments.delete(service.account_id, made.name).id == made.id
    assert authorization.role_assignments.delete(service.account_id, made.name) is None


def test_a_service_principal_may_what_its_roles_say(authorization, service, subscription, principal):
    principal_id, options = principal
    group, account = service.variables["LAZULI_RESOURCE_GROUP"], service.variables["LAZULI_ACCOUNT"]
    cognitive = CognitiveServicesManagementClient(subscription_id=subscription, **options)
    mine = AuthorizationManagementClient(subscription_id=subscription, **options)
    resources = ResourceManagementClient(subscription_id=subscription, **options)

    assert list(SubscriptionClient(**options).subscriptions.list()) == []
    with pytest.raises(HttpResponseError) as refused:
        cognitive.accounts.get(group, account)
    assert (refused.value.status_code, refused.value.error.code) == (403, "AuthorizationFailed")
    assert f"with object id '{principal_id}' does not have authorization to perform action " in refused.value.message
    assert f"'Microsoft.CognitiveServices/accounts/read' over scope '{service.account_id}'" in refused.value.message

    for name in (account, "none"):  # who may not read it does not learn by HEAD whether it is there
        with pytest.raises(HttpResponseError) as refused:
            resources.resources.check_existence_by_id(service.account_id.replace(account, name), "2023-05-01")
        assert refused.value.status_code == 403

    assign(authorization, service.account_id, "Reader", principal_id)
    assert cognitive.accounts.get(group, account).name == account
    assert resources.resources.check_existence_by_id(service.account_id, "2023-05-01")
    assert [a.name for a in cognitive.accounts.list()] == [account]
    assert list(resources.resource_groups.list()) == []
    assert [s.subscription_id for s in SubscriptionClient(**options).subscriptions.list()] == [subscription]
    permissions = list(
        mine.permissions.list_for_resource(group, "Microsoft.CognitiveServices", "", "accounts", account)
    )
    assert [p.actions for p in permissions] == [["*/read"]]
    with pytest.raises(HttpResponseError, match="accounts/listKeys/action"):
        cognitive.accounts.list_keys(group, account)
    with pytest.raises(HttpResponseError, match="roleAssignments/write"):
        mine.role_assignments.create(
            service.account_id,
            str(uuid.uuid4()),
            RoleAssignmentCreateParameters(role_definition_id=OPENAI_USER, principal_id=principal_id),
        )

    assign(authorization, service.account_id, "Cognitive Services User", principal_id)
    assert cognitive.accounts.list_keys(group, account).key1


def test_answers_are_as_specified(service, certificate, subscription):
    """Each answer is held against the published schema (arm_watch)."""
    headers = {"Authorization": f"Bearer {service.token}"}

    def call(method, scope, kind, name="", body=None):
        path = scope + kind + name
        url = f"https://127.0.0.1:{service.port}{path}?api-version=2022-04-01"
        answer = requests.request(
            method, url, json=body, headers=headers, verify=str(certificate / "cert.pem"), timeout=60
        )
        assert answer.ok, answer.text
        return answer.status_code

    scope, name = f"/subscriptions/{subscription}", "/" + str(uuid.uuid4())
    role = {"roleName": "Specified", "permissions": [{"actions": ["*/read"]}], "assignableScopes": [scope]}
    assignment = {"roleDefinitionId": scope + ROLES + name, "principalId": str(uuid.uuid4())}
    assert [call("PUT", scope, ROLES, name, {"properties": role}) for _ in range(2)] == [201, 201]
    assert call("PUT", service.account_id, ASSIGNMENTS, name, {"properties": assignment}) == 201
    assert call("PUT", service.account_id, ASSIGNMENTS, name, {"properties": assignment}) == 200
    for kind in (ROLES, ASSIGNMENTS):
        assert call("GET", scope, kind) == 200
        assert call("GET", service.account_id, kind, name) == 200
    assert [call("DELETE", service.account_id, ASSIGNMENTS, name) for _ in range(2)] == [200, 204]
    assert [call("DELETE", scope, ROLES, name) for _ in range(2)] == [200, 204]
