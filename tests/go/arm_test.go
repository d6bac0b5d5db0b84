// The control plane by armcognitiveservices, armresources and armauthorization, signed in as the owner.
package clients

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	cognitive "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/cognitiveservices/armcognitiveservices"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
	"github.com/google/uuid"
)

const (
	openAIUser = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
	reader     = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

var ctx = context.Background()

func subscription() string { return service.variables["LAZULI_SUBSCRIPTION_ID"] }

func armOptions() *arm.ClientOptions { return &arm.ClientOptions{ClientOptions: service.options()} }

// clients of the control plane for whose credential it is.
func clients(t *testing.T, credential azcore.TokenCredential) *cognitive.ClientFactory {
	t.Helper()
	return must(cognitive.NewClientFactory(subscription(), credential, armOptions()))(t)
}

func groups(t *testing.T) *armresources.ResourceGroupsClient {
	t.Helper()
	return must(armresources.NewResourceGroupsClient(subscription(), service.owner(t), armOptions()))(t)
}

func assignments(t *testing.T) *armauthorization.RoleAssignmentsClient {
	t.Helper()
	return must(armauthorization.NewRoleAssignmentsClient(subscription(), service.owner(t), armOptions()))(t)
}

// done waits for an operation as the SDK does by itself; it fails where that took one of its long turns of 30 seconds.
func done[T any](poller *runtime.Poller[T], err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		bounded, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		return must(poller.PollUntilDone(bounded, nil))(t)
	}
}

// all items of a list, of all its pages.
func all[Page, Item any](t *testing.T, pager *runtime.Pager[Page], items func(Page) []*Item) []*Item {
	t.Helper()
	var list []*Item
	for pager.More() {
		list = append(list, items(must(pager.NextPage(ctx))(t))...)
	}
	return list
}

func contains[Item any](list []*Item, is func(*Item) bool) bool {
	for _, item := range list {
		if is(item) {
			return true
		}
	}
	return false
}

// refused checks an error's code and status.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var failure *azcore.ResponseError
	if !errors.As(err, &failure) {
		t.Fatalf("got %v, wanted %d %s", err, status, code)
	}
	equal(t, failure.ErrorCode, code)
	equal(t, failure.StatusCode, status)
}

// group makes a resource group, which goes with the test.
func group(t *testing.T) string {
	t.Helper()
	name := "go-" + uuid.NewString()[:8]
	made := must(groups(t).CreateOrUpdate(ctx, name, armresources.ResourceGroup{Location: to.Ptr("eastus")}, nil))(t)
	equal(t, *made.Properties.ProvisioningState, "Succeeded")
	t.Cleanup(func() { done(groups(t).BeginDelete(ctx, name, nil))(t) })
	return name
}

func newAccount() cognitive.Account {
	return cognitive.Account{
		Kind: to.Ptr("OpenAI"), Location: to.Ptr("eastus"), SKU: &cognitive.SKU{Name: to.Ptr("S0")},
		Properties: &cognitive.AccountProperties{},
	}
}

// account makes one in a group of its own.
func account(t *testing.T) (inGroup, name string) {
	t.Helper()
	inGroup, name = group(t), "go-"+uuid.NewString()[:8]
	done(clients(t, service.owner(t)).NewAccountsClient().BeginCreate(ctx, inGroup, name, newAccount(), nil))(t)
	return inGroup, name
}

func newDeployment(model, version string, capacity int32) cognitive.Deployment {
	return cognitive.Deployment{
		SKU: &cognitive.SKU{Name: to.Ptr("Standard"), Capacity: to.Ptr(capacity)},
		Properties: &cognitive.DeploymentProperties{
			Model: &cognitive.DeploymentModel{Format: to.Ptr("OpenAI"), Name: to.Ptr(model), Version: to.Ptr(version)},
		},
	}
}

func TestGroups(t *testing.T) {
	name := "go-" + uuid.NewString()[:8]
	client := groups(t)
	tags := map[string]*string{"owner": to.Ptr("go")}
	must(client.CreateOrUpdate(ctx, name, armresources.ResourceGroup{Location: to.Ptr("eastus"), Tags: tags}, nil))(t)
	shown := must(client.Get(ctx, name, nil))(t)
	equal(t, shown.Tags, tags)
	equal(t, *shown.Location, "eastus")
	listed := all(t, client.NewListPager(&armresources.ResourceGroupsClientListOptions{
		Filter: to.Ptr("tagName eq 'owner' and tagValue eq 'go'"), Top: to.Ptr[int32](1),
	}), func(page armresources.ResourceGroupsClientListResponse) []*armresources.ResourceGroup {
		return page.Value
	})
	equal(t, contains(listed, func(g *armresources.ResourceGroup) bool { return *g.Name == name }), true)
	done(client.BeginDelete(ctx, name, nil))(t)
	equal(t, must(client.CheckExistence(ctx, name, nil))(t).Success, false)
	_, err := client.Get(ctx, name, nil)
	refused(t, err, http.StatusNotFound, "ResourceGroupNotFound")
}

func TestAccounts(t *testing.T) {
	inGroup, name := account(t)
	client := clients(t, service.owner(t)).NewAccountsClient()
	shown := must(client.Get(ctx, inGroup, name, nil))(t)
	equal(t, *shown.Kind, "OpenAI")
	equal(t, *shown.Properties.ProvisioningState, cognitive.ProvisioningStateSucceeded)
	equal(t, *shown.Properties.Endpoint, service.endpoint+"/accounts/"+name+"/")
	if shown.SystemData.CreatedAt.After(time.Now()) {
		t.Fatalf("made at %v", shown.SystemData.CreatedAt)
	}
	is := func(a *cognitive.Account) bool { return *a.Name == name }
	everywhere := all(t, client.NewListPager(nil),
		func(page cognitive.AccountsClientListResponse) []*cognitive.Account { return page.Value })
	equal(t, contains(everywhere, is), true)
	here := all(t, client.NewListByResourceGroupPager(inGroup, nil),
		func(page cognitive.AccountsClientListByResourceGroupResponse) []*cognitive.Account { return page.Value })
	equal(t, len(here), 1)

	// what was shown may be written back
	shown.Tags = map[string]*string{"team": to.Ptr("a")}
	updated := done(client.BeginUpdate(ctx, inGroup, name, shown.Account, nil))(t)
	equal(t, updated.Tags, shown.Tags)
	updated.Tags["team"] = to.Ptr("b")
	again := done(client.BeginCreate(ctx, inGroup, name, updated.Account, nil))(t)
	equal(t, *again.Tags["team"], "b")

	done(client.BeginDelete(ctx, inGroup, name, nil))(t)
	_, err := client.Get(ctx, inGroup, name, nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	done(client.BeginDelete(ctx, inGroup, name, nil))(t) // what is not there is gone
}

func TestDeletedAccounts(t *testing.T) {
	inGroup, name := account(t)
	factory := clients(t, service.owner(t))
	client, deleted := factory.NewAccountsClient(), factory.NewDeletedAccountsClient()
	before := must(client.ListKeys(ctx, inGroup, name, nil))(t)
	done(client.BeginDelete(ctx, inGroup, name, nil))(t)
	listed := all(t, deleted.NewListPager(nil),
		func(page cognitive.DeletedAccountsClientListResponse) []*cognitive.Account { return page.Value })
	equal(t, contains(listed, func(a *cognitive.Account) bool { return *a.Name == name }), true)
	if shown := must(deleted.Get(ctx, "eastus", inGroup, name, nil))(t); *shown.Properties.DeletionDate == "" {
		t.Fatal("no date of deletion")
	}
	_, err := client.BeginCreate(ctx, inGroup, name, newAccount(), nil)
	refused(t, err, http.StatusConflict, "FlagMustBeSetForRestore")

	restoring := newAccount()
	restoring.Properties.Restore = to.Ptr(true)
	done(client.BeginCreate(ctx, inGroup, name, restoring, nil))(t)
	equal(t, must(client.ListKeys(ctx, inGroup, name, nil))(t).APIKeys, before.APIKeys)
	done(client.BeginDelete(ctx, inGroup, name, nil))(t)
	done(deleted.BeginPurge(ctx, "eastus", inGroup, name, nil))(t)
	_, err = deleted.Get(ctx, "eastus", inGroup, name, nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	done(client.BeginCreate(ctx, inGroup, name, newAccount(), nil))(t)
}

func TestKeys(t *testing.T) {
	inGroup, name := account(t)
	client := clients(t, service.owner(t)).NewAccountsClient()
	before := must(client.ListKeys(ctx, inGroup, name, nil))(t)
	which := cognitive.RegenerateKeyParameters{KeyName: to.Ptr(cognitive.KeyNameKey1)}
	after := must(client.RegenerateKey(ctx, inGroup, name, which, nil))(t)
	equal(t, *after.Key2, *before.Key2)
	equal(t, *after.Key1 == *before.Key1, false)
}

func TestDeployments(t *testing.T) {
	inGroup, name := account(t)
	factory := clients(t, service.owner(t))
	client := factory.NewDeploymentsClient()
	body := newDeployment("text-embedding-ada-002", "1", 1)
	made := done(client.BeginCreateOrUpdate(ctx, inGroup, name, "ada", body, nil))(t)
	equal(t, *made.Properties.ProvisioningState, cognitive.DeploymentProvisioningStateSucceeded)
	equal(t, *made.Properties.VersionUpgradeOption, cognitive.DeploymentModelVersionUpgradeOptionOnceNewDefaultVersionAvailable)
	equal(t, *made.Properties.RateLimits[0].Count, float32(1))
	changed := done(client.BeginUpdate(ctx, inGroup, name, "ada", cognitive.PatchResourceTagsAndSKU{
		SKU: &cognitive.SKU{Name: to.Ptr("Standard"), Capacity: to.Ptr[int32](7)}, Tags: map[string]*string{"a": to.Ptr("b")},
	}, nil))(t)
	equal(t, *changed.SKU.Capacity, int32(7))
	equal(t, *must(client.Get(ctx, inGroup, name, "ada", nil))(t).Tags["a"], "b")
	listed := func() []*cognitive.Deployment {
		return all(t, client.NewListPager(inGroup, name, nil),
			func(page cognitive.DeploymentsClientListResponse) []*cognitive.Deployment { return page.Value })
	}
	equal(t, len(listed()), 1)
	skus := all(t, client.NewListSKUsPager(inGroup, name, "ada", nil),
		func(page cognitive.DeploymentsClientListSKUsResponse) []*cognitive.SKUResource { return page.Value })
	equal(t, contains(skus, func(s *cognitive.SKUResource) bool { return *s.SKU.Name == "Standard" }), true)

	_, err := factory.NewAccountsClient().BeginDelete(ctx, inGroup, name, nil)
	refused(t, err, http.StatusConflict, "CannotDeleteResource")
	unknown := newDeployment("gpt-9", "1", 1)
	_, err = client.BeginCreateOrUpdate(ctx, inGroup, name, "x", unknown, nil)
	refused(t, err, http.StatusBadRequest, "DeploymentModelNotSupported")
	done(client.BeginDelete(ctx, inGroup, name, "ada", nil))(t)
	equal(t, len(listed()), 0)
}

// Interrupted in its wait, a program goes on later with what it had written down.
func TestAnOperationIsTakenUpAgain(t *testing.T) {
	inGroup, name := account(t)
	factory := clients(t, service.owner(t))
	done(factory.NewAccountsClient().BeginDelete(ctx, inGroup, name, nil))(t)
	deleted := factory.NewDeletedAccountsClient()
	poller := must(deleted.BeginPurge(ctx, "eastus", inGroup, name, nil))(t)
	equal(t, poller.Done(), false)
	later := &cognitive.DeletedAccountsClientBeginPurgeOptions{ResumeToken: must(poller.ResumeToken())(t)}
	done(deleted.BeginPurge(ctx, "eastus", inGroup, name, later))(t)
	_, err := deleted.Get(ctx, "eastus", inGroup, name, nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
}

func TestModelsSKUsUsages(t *testing.T) {
	inGroup, name := account(t)
	factory := clients(t, service.owner(t))
	body := newDeployment("text-embedding-ada-002", "1", 3)
	done(factory.NewDeploymentsClient().BeginCreateOrUpdate(ctx, inGroup, name, "ada", body, nil))(t)
	t.Cleanup(func() { done(factory.NewDeploymentsClient().BeginDelete(ctx, inGroup, name, "ada", nil))(t) })
	models := all(t, factory.NewModelsClient().NewListPager("eastus", nil),
		func(page cognitive.ModelsClientListResponse) []*cognitive.Model { return page.Value })
	equal(t, contains(models, func(m *cognitive.Model) bool {
		return *m.Kind == "OpenAI" && *m.Model.Name == "gpt-35-turbo" && *m.Model.LifecycleStatus != "" && len(m.Model.SKUs) > 0
	}), true)
	own := all(t, factory.NewAccountsClient().NewListModelsPager(inGroup, name, nil),
		func(page cognitive.AccountsClientListModelsResponse) []*cognitive.AccountModel { return page.Value })
	equal(t, contains(own, func(m *cognitive.AccountModel) bool { return m.IsDefaultVersion != nil && *m.IsDefaultVersion }), true)
	skus := all(t, factory.NewResourceSKUsClient().NewListPager(nil),
		func(page cognitive.ResourceSKUsClientListResponse) []*cognitive.ResourceSKU { return page.Value })
	equal(t, contains(skus, func(s *cognitive.ResourceSKU) bool { return *s.Kind == "OpenAI" && *s.Name == "S0" }), true)
	equal(t, *must(factory.NewAccountsClient().ListSKUs(ctx, inGroup, name, nil))(t).Value[0].SKU.Name, "S0")
	counted := func(u *cognitive.Usage) bool {
		return *u.Name.Value == "OpenAI.Standard.text-embedding-ada-002" && *u.CurrentValue >= 3
	}
	region := all(t, factory.NewUsagesClient().NewListPager("eastus", nil),
		func(page cognitive.UsagesClientListResponse) []*cognitive.Usage { return page.Value })
	equal(t, contains(region, counted), true)
	equal(t, contains(must(factory.NewAccountsClient().ListUsages(ctx, inGroup, name, nil))(t).Value, counted), true)
}

// assign gives a role at a scope; the assignment's name is returned.
func assign(t *testing.T, scope, role, objectID string) string {
	t.Helper()
	name := uuid.NewString()
	definition := "/subscriptions/" + subscription() + "/providers/Microsoft.Authorization/roleDefinitions/" + role
	made := must(assignments(t).Create(ctx, scope, name, armauthorization.RoleAssignmentCreateParameters{
		Properties: &armauthorization.RoleAssignmentProperties{
			RoleDefinitionID: &definition, PrincipalID: &objectID,
			PrincipalType: to.Ptr(armauthorization.PrincipalTypeServicePrincipal),
		},
	}, nil))(t)
	equal(t, *made.Properties.Scope, scope)
	return name
}

func TestRolesAllowAndRefuse(t *testing.T) {
	inGroup, name := account(t)
	scope := "/subscriptions/" + subscription() + "/resourceGroups/" + inGroup
	clientID, objectID, secret := service.application(t, map[string]any{"displayName": "reader"})
	client := clients(t, service.credential(t, clientID, secret)).NewAccountsClient()
	_, err := client.Get(ctx, inGroup, name, nil)
	refused(t, err, http.StatusForbidden, "AuthorizationFailed")

	assignment := assign(t, scope, reader, objectID)
	must(client.Get(ctx, inGroup, name, nil))(t)
	_, err = client.ListKeys(ctx, inGroup, name, nil)
	refused(t, err, http.StatusForbidden, "AuthorizationFailed")
	_, err = client.BeginDelete(ctx, inGroup, name, nil)
	refused(t, err, http.StatusForbidden, "AuthorizationFailed")
	listed := all(t, assignments(t).NewListForScopePager(scope, &armauthorization.RoleAssignmentsClientListForScopeOptions{
		Filter: to.Ptr(url.QueryEscape("principalId eq '" + objectID + "'")), // which this client alone leaves to its user
	}), func(page armauthorization.RoleAssignmentsClientListForScopeResponse) []*armauthorization.RoleAssignment {
		return page.Value
	})
	equal(t, len(listed), 1)

	must(assignments(t).Delete(ctx, scope, assignment, nil))(t)
	_, err = client.Get(ctx, inGroup, name, nil)
	refused(t, err, http.StatusForbidden, "AuthorizationFailed")
}

// A token for the data plane is none for the control plane.
func TestAnotherAudience(t *testing.T) {
	_, err := clients(t, otherAudience{service.owner(t)}).NewAccountsClient().Get(ctx, "x", "x", nil)
	refused(t, err, http.StatusUnauthorized, "InvalidAuthenticationTokenAudience")
}

type otherAudience struct{ azcore.TokenCredential }

func (c otherAudience) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c.TokenCredential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{dataScope}})
}
