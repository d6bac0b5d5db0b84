package lazuli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.management.exception.ManagementException;
import com.azure.core.util.Context;
import com.azure.resourcemanager.authorization.models.BuiltInRole;
import com.azure.resourcemanager.cognitiveservices.CognitiveServicesManager;
import com.azure.resourcemanager.cognitiveservices.models.Account;
import com.azure.resourcemanager.cognitiveservices.models.AccountProperties;
import com.azure.resourcemanager.cognitiveservices.models.DeploymentModel;
import com.azure.resourcemanager.cognitiveservices.models.DeploymentProperties;
import com.azure.resourcemanager.cognitiveservices.models.DeploymentProvisioningState;
import com.azure.resourcemanager.cognitiveservices.models.KeyName;
import com.azure.resourcemanager.cognitiveservices.models.ProvisioningState;
import com.azure.resourcemanager.cognitiveservices.models.RegenerateKeyParameters;
import com.azure.resourcemanager.cognitiveservices.models.Sku;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The control plane by azure-resourcemanager-cognitiveservices, -resources and -authorization, signed in as the owner. */
class ControlPlaneTest {
    /** Less than the 30 seconds that these clients wait between two looks at an operation. */
    private static final Duration AT_ONCE = Duration.ofSeconds(20);

    private static Lazuli lazuli;
    private static CognitiveServicesManager manager;
    private static String group;

    @BeforeAll
    static void start() throws Exception {
        lazuli = new Lazuli();
        manager = lazuli.cognitive(lazuli.owner());
        group = lazuli.resources().resourceGroups().define(Lazuli.fresh()).withRegion("eastus").create().name();
    }

    @AfterAll
    static void stop() throws Exception {
        try {
            assertTimeout(AT_ONCE, () -> lazuli.resources().resourceGroups().deleteByName(group));
            assertFalse(lazuli.resources().resourceGroups().contain(group));
        } finally {
            lazuli.stop();
        }
    }

    private static Account make(String name, AccountProperties properties) {
        return manager.accounts().define(name).withExistingResourceGroup(group).withRegion("eastus").withKind("OpenAI")
            .withSku(new Sku().withName("S0")).withProperties(properties).create();
    }

    private static String account() {
        return make(Lazuli.fresh(), new AccountProperties()).name();
    }

    private static void deploy(String account, String name, String model, int capacity) {
        var deployment = manager.deployments().define(name).withExistingAccount(group, account)
            .withSku(new Sku().withName("Standard").withCapacity(capacity))
            .withProperties(new DeploymentProperties()
                .withModel(new DeploymentModel().withFormat("OpenAI").withName(model).withVersion("1")))
            .create();

        assertEquals(DeploymentProvisioningState.SUCCEEDED, deployment.properties().provisioningState());
    }

    private static void assertRefused(int status, String code, Executable call) {
        var error = assertThrows(ManagementException.class, call);

        assertEquals(code, error.getValue().getCode());
        assertEquals(status, error.getResponse().getStatusCode());
    }

    @Test
    void accounts() {
        Account made = make(Lazuli.fresh(), new AccountProperties());

        assertEquals(ProvisioningState.SUCCEEDED, made.properties().provisioningState());
        assertEquals(lazuli.arm + "/accounts/" + made.name() + "/", made.properties().endpoint());
        assertEquals(made.id(), manager.accounts().getById(made.id()).id());
        assertTrue(manager.accounts().list().stream().anyMatch(account -> account.id().equals(made.id())));
        assertTrue(manager.accounts().listByResourceGroup(group).stream().anyMatch(a -> a.id().equals(made.id())));
        assertEquals(Map.of("team", "a"), made.update().withTags(Map.of("team", "a")).apply().tags());
        assertTimeout(AT_ONCE, () -> manager.accounts().deleteById(made.id()));
        assertRefused(404, "ResourceNotFound", () -> manager.accounts().getByResourceGroup(group, made.name()));
    }

    @Test
    void deletedAccounts() {
        String name = account();
        String key = manager.accounts().listKeys(group, name).key1();

        manager.accounts().deleteByResourceGroup(group, name);
        assertTrue(manager.deletedAccounts().list().stream().anyMatch(account -> account.name().equals(name)));
        assertRefused(409, "FlagMustBeSetForRestore", () -> make(name, new AccountProperties()));
        make(name, new AccountProperties().withRestore(true));
        assertEquals(key, manager.accounts().listKeys(group, name).key1());
        manager.accounts().deleteByResourceGroup(group, name);
        assertTimeout(AT_ONCE, () -> manager.deletedAccounts().purge("eastus", group, name));
        assertRefused(404, "ResourceNotFound", () -> manager.deletedAccounts().get("eastus", group, name));
    }

    @Test
    void keys() {
        String name = account();
        var before = manager.accounts().listKeys(group, name);
        var after = manager.accounts().regenerateKey(group, name, new RegenerateKeyParameters().withKeyName(KeyName.KEY1));

        assertEquals(before.key2(), after.key2());
        assertNotEquals(before.key1(), after.key1());
    }

    @Test
    void deployments() {
        String name = account();

        deploy(name, "ada", "text-embedding-ada-002", 3);
        var changed = manager.deployments().get(group, name, "ada").update()
            .withSku(new Sku().withName("Standard").withCapacity(7)).apply();
        assertEquals(7, changed.sku().capacity());
        assertEquals(List.of("ada"), manager.deployments().list(group, name).stream().map(d -> d.name()).toList());
        assertTrue(manager.usages().list("eastus").stream().anyMatch(usage ->
            usage.name().value().equals("OpenAI.Standard.text-embedding-ada-002") && usage.currentValue() >= 7));
        assertRefused(400, "DeploymentModelNotSupported", () -> deploy(name, "x", "gpt-9", 1));
        assertRefused(409, "CannotDeleteResource", () -> manager.accounts().deleteByResourceGroup(group, name));
        assertTimeout(AT_ONCE, () -> manager.deployments().delete(group, name, "ada"));
        assertEquals(0, manager.deployments().list(group, name).stream().count());
    }

    @Test
    void modelsAndSkus() {
        assertTrue(manager.models().list("eastus").stream().anyMatch(item ->
            item.kind().equals("OpenAI") && item.model().name().equals("gpt-35-turbo")));
        assertTrue(manager.resourceSkus().list().stream().anyMatch(sku ->
            sku.kind().equals("OpenAI") && sku.name().equals("S0")));
    }

    /** As many as make two pages. */
    @Test
    void pages() {
        var groups = lazuli.resources().genericResources().manager().serviceClient().getResourceGroups();
        var names = groups.list(null, 1, Context.NONE).stream().map(item -> item.name()).toList();

        assertTrue(names.contains(group), names::toString);
        assertTrue(names.contains(lazuli.variables.get("LAZULI_RESOURCE_GROUP")), names::toString);
        assertEquals(names.size(), groups.list(null, 1, Context.NONE).streamByPage().count());
    }

    @Test
    void rolesAllowAndRefuse() {
        String name = account(), scope = "/subscriptions/" + lazuli.subscription() + "/resourceGroups/" + group;
        var principal = lazuli.principal("reader");
        var accounts = lazuli.cognitive(lazuli.credential(principal)).accounts();
        var assignments = lazuli.authorization().roleAssignments();

        assertRefused(403, "AuthorizationFailed", () -> accounts.getByResourceGroup(group, name));
        var made = assignments.define(UUID.randomUUID().toString()).forServicePrincipal(principal)
            .withBuiltInRole(BuiltInRole.READER).withScope(scope).create();
        assertEquals(name, accounts.getByResourceGroup(group, name).name());
        assertRefused(403, "AuthorizationFailed", () -> accounts.listKeys(group, name));
        assertEquals(1, assignments.listByServicePrincipal(principal).stream().count());
        assignments.deleteById(made.id());
        assertRefused(403, "AuthorizationFailed", () -> accounts.getByResourceGroup(group, name));
    }
}
