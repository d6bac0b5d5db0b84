/*
 * The rows of the error table; see base/error.h for what the columns mean.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_ERROR_TABLE_H
#define BASE_ERROR_TABLE_H

#define TEXT_INVALID_KEY                                                                           \
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a " \
    "valid key for an active subscription and use a correct regional API endpoint for your "       \
    "resource."
#define TEXT_INVALID_TOKEN                                                   \
    "Unauthorized. Access token is missing, invalid, audience is incorrect " \
    "(https://cognitiveservices.azure.com), or have expired."
#define TEXT_DEPLOYMENT_NOT_FOUND                                                         \
    "The API deployment for this resource does not exist. If you created the deployment " \
    "within the last 5 minutes, please wait a moment and try again."
/* What Azure Storage says, of all services the one that documents it. */
#define TEXT_NO_VAULT_KEY "The key vault key is not found to unwrap the encryption key."

/* clang-format off */
#define ERRORS(X) \
    /* ours, below any surface: configuration, files, the store */ \
    X(CONFIG,              500, ARM,     "InvalidConfiguration", NULL, "The configuration is not valid.") \
    X(IO,                  500, ARM,     "InternalServerError", NULL, "An input or output operation failed.") \
    X(TLS,                 500, ARM,     "InternalServerError", NULL, "The TLS handshake failed.") \
    X(STORE,               500, ARM,     "InternalServerError", NULL, "The store could not complete the operation.") \
    X(STORE_UNUSABLE,      503, ARM,     "ServiceUnavailable", NULL, "The service cannot use its store at the moment: the disk may be full, read-only or failing.") \
    X(CONFLICT,            409, ARM,     "RequestConflict", NULL, "Another operation changed the resource.") \
    /* data plane, the gateway's part */ \
    X(INVALID_KEY,         401, GATEWAY, "401", NULL, TEXT_INVALID_KEY) \
    X(INVALID_KEY_AI,      401, GATEWAY, "Unauthorized", NULL, TEXT_INVALID_KEY) \
    X(INVALID_TOKEN,       401, TOKEN,   "401", NULL, TEXT_INVALID_TOKEN) \
    X(PERMISSION_DENIED,   401, GATEWAY, "PermissionDenied", NULL, "Principal does not have access to API/Operation.") \
    X(KEY_DISABLED,        403, SPACED,  "AuthenticationTypeDisabled", NULL, "Key based authentication is disabled for this resource.") \
    X(KEY_VAULT,           403, SPACED,  "KeyVaultEncryptionKeyNotFound", NULL, TEXT_NO_VAULT_KEY) \
    X(FIREWALL,            403, SPACED,  "403", NULL, "Access denied due to Virtual Network/Firewall rules.") \
    X(VIRTUAL_NETWORK,     403, SPACED,  "403", NULL, "A Virtual Network is configured for this resource. Please use the correct endpoint for making requests. Check https://aka.ms/cogsvc-vnet for more details.") \
    X(BUDGET,              403, GATEWAY, "403", NULL, NULL) \
    X(PUBLIC_ACCESS,       403, SPACED,  "403", NULL, "Public access is disabled. Please configure private endpoint.") \
    X(NOT_FOUND,           404, SPACED,  "404", NULL, "Resource not found") \
    X(NO_DEPLOYMENT,       404, SPACED,  "DeploymentNotFound", NULL, TEXT_DEPLOYMENT_NOT_FOUND) \
    X(METHOD,              405, GATEWAY, "405", NULL, "Method not allowed") \
    X(OPERATION,           400, GATEWAY, "OperationNotSupported", NULL, NULL) \
    X(API_VERSION,         400, GATEWAY, "BadRequest", NULL, "API version not supported") \
    X(BAD_REQUEST,         400, GATEWAY, "BadRequest", NULL, "Bad request") \
    X(TIMEOUT,             408, GATEWAY, "Timeout", NULL, "The operation was timeout.") \
    X(TOO_LARGE,           413, GATEWAY, "413", NULL, "Request Entity Too Large") \
    X(URI_TOO_LONG,        414, GATEWAY, "414", NULL, "URI Too Long") \
    X(MEDIA_TYPE,          415, GATEWAY, "415", NULL, "Unsupported data type") \
    X(EXPECTATION,         417, GATEWAY, "417", NULL, "Expectation Failed") \
    X(HEADERS_TOO_LARGE,   431, GATEWAY, "431", NULL, "Request Header Fields Too Large") \
    X(NOT_IMPLEMENTED,     501, GATEWAY, "501", NULL, "Not Implemented") \
    X(HTTP_VERSION,        505, GATEWAY, "505", NULL, "HTTP Version Not Supported") \
    X(BACKEND,             500, GATEWAY, "InternalServerError", NULL, "Backend returned unexpected response. Please contact Microsoft for help.") \
    X(RATE_LIMIT,          429, GATEWAY, "429", NULL, "Rate limit is exceeded. Try again in 60 seconds.") \
    X(UNAVAILABLE,         503, GATEWAY, "ServiceUnavailable", NULL, "The service is temporarily unable to process your request. Please try again later.") \
    /* data plane, the model layer's part */ \
    X(MODEL_REQUEST,       400, MODEL,   NULL, "invalid_request_error", NULL) \
    X(MODEL_MISSING,       400, MODEL,   "missing_required_parameter", "invalid_request_error", NULL) \
    X(MODEL_VALUE,         400, MODEL,   "invalid_value", "invalid_request_error", NULL) \
    X(MODEL_TYPE,          400, MODEL,   "invalid_type", "invalid_request_error", NULL) \
    X(MODEL_UNKNOWN,       400, MODEL,   "unknown_parameter", "invalid_request_error", NULL) \
    X(MODEL_FUNCTION,      400, MODEL,   "invalid_function_parameters", "invalid_request_error", NULL) \
    X(MODEL_UNSUPPORTED,   400, MODEL,   "unsupported_parameter", "invalid_request_error", NULL) \
    X(MODEL_INTEGER_ABOVE, 400, MODEL,   "integer_above_max_value", "invalid_request_error", NULL) \
    X(MODEL_INTEGER_BELOW, 400, MODEL,   "integer_below_min_value", "invalid_request_error", NULL) \
    X(MODEL_DECIMAL_ABOVE, 400, MODEL,   "decimal_above_max_value", "invalid_request_error", NULL) \
    X(MODEL_DECIMAL_BELOW, 400, MODEL,   "decimal_below_min_value", "invalid_request_error", NULL) \
    X(MODEL_ARRAY_EMPTY,   400, MODEL,   "empty_array", "invalid_request_error", NULL) \
    X(MODEL_ARRAY_LONG,    400, MODEL,   "array_above_max_length", "invalid_request_error", NULL) \
    X(MODEL_STRING_EMPTY,  400, MODEL,   "empty_string", "invalid_request_error", NULL) \
    X(MODEL_STRING_LONG,   400, MODEL,   "string_above_max_length", "invalid_request_error", NULL) \
    X(CONTEXT_LENGTH,      400, MODEL,   "context_length_exceeded", "invalid_request_error", NULL) \
    X(MODEL_FAILED,        500, MODEL,   NULL, "server_error", NULL) \
    X(MODEL_OVERLOADED,    503, MODEL,   NULL, "server_error", NULL) \
    /* ARM */ \
    X(ARM_NO_TOKEN,        401, ARM,     "AuthenticationFailed", NULL, "Authentication failed. The 'Authorization' header is missing.") \
    X(ARM_BAD_TOKEN,       401, ARM,     "InvalidAuthenticationToken", NULL, "The access token is invalid.") \
    X(ARM_TOKEN_EXPIRED,   401, ARM,     "ExpiredAuthenticationToken", NULL, NULL) \
    X(ARM_TOKEN_AUDIENCE,  401, ARM,     "InvalidAuthenticationTokenAudience", NULL, NULL) \
    X(ARM_TOKEN_ISSUER,    401, ARM,     "InvalidAuthenticationTokenTenant", NULL, NULL) \
    X(ARM_FORBIDDEN,       403, ARM,     "AuthorizationFailed", NULL, NULL) \
    X(ARM_LINKED,          403, ARM,     "LinkedAuthorizationFailed", NULL, NULL) \
    X(ARM_NO_API_VERSION,  400, ARM,     "MissingApiVersionParameter", NULL, "The api-version query parameter (?api-version=) is required for all requests.") \
    X(ARM_API_VERSION,     400, ARM,     "InvalidApiVersionParameter", NULL, NULL) \
    X(ARM_NO_REGISTERED,   400, ARM,     "NoRegisteredProviderFound", NULL, NULL) \
    X(ARM_NO_PROVIDER,     404, ARM,     "InvalidResourceNamespace", NULL, NULL) \
    X(ARM_NOT_REGISTERED,  409, ARM,     "MissingSubscriptionRegistration", NULL, NULL) \
    X(ARM_UNREGISTER,      409, ARM,     "CannotUnregisterProvider", NULL, NULL) \
    X(ARM_NO_OPERATIONS,   404, ARM,     "ProviderNotFound", NULL, NULL) \
    X(ARM_NO_TYPE,         404, ARM,     "InvalidResourceType", NULL, NULL) \
    X(ARM_NO_PATH,         404, ARM,     "NotFound", NULL, "The requested path was not found.") \
    X(ARM_METHOD,          405, ARM,     "MethodNotAllowed", NULL, NULL) \
    X(ARM_NO_SUBSCRIPTION, 404, ARM,     "SubscriptionNotFound", NULL, NULL) \
    X(ARM_SUBSCRIPTION_ID, 400, ARM,     "InvalidSubscriptionId", NULL, NULL) \
    X(ARM_TAG_NAME,        400, ARM,     "InvalidTagNameCharacters", NULL, NULL) \
    X(ARM_TAG_NAME_LENGTH, 400, ARM,     "InvalidTagNameLength", NULL, NULL) \
    X(ARM_TAG_VALUE_LENGTH, 400, ARM,    "InvalidTagValueLength", NULL, NULL) \
    X(ARM_TAG_RESERVED,    400, ARM,     "ReservedTagName", NULL, NULL) \
    X(ARM_NO_TAG_NAME,     404, ARM,     "PredefinedTagNameNotFound", NULL, NULL) \
    X(ARM_TAG_IN_USE,      409, ARM,     "PredefinedTagInUse", NULL, NULL) \
    X(ARM_NO_GROUP,        404, ARM,     "ResourceGroupNotFound", NULL, NULL) \
    X(ARM_NO_RESOURCE,     404, ARM,     "ResourceNotFound", NULL, NULL) \
    X(ARM_NO_PARENT,       404, ARM,     "ParentResourceNotFound", NULL, NULL) \
    X(ARM_BODY,            400, ARM,     "InvalidRequestContent", NULL, NULL) \
    X(ARM_TEMPLATE,        400, ARM,     "InvalidTemplate", NULL, NULL) \
    X(ARM_TEMPLATE_DEPLOYMENT, 400, ARM, "InvalidTemplateDeployment", NULL, NULL) \
    X(ARM_CONTENT_LINK,    400, ARM,     "InvalidContentLink", NULL, NULL) \
    X(ARM_NO_DEPLOYMENT,   404, ARM,     "DeploymentNotFound", NULL, NULL) \
    X(ARM_DEPLOYMENT_NAME, 400, ARM,     "InvalidDeploymentName", NULL, NULL) \
    X(ARM_DEPLOYMENT_LOCATION, 409, ARM, "InvalidDeploymentLocation", NULL, NULL) \
    X(ARM_DEPLOYMENT_FAILED, 409, ARM,   "DeploymentFailed", NULL, "At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.") \
    X(ARM_RESOURCE_FAILED, 409, ARM,     "ResourceDeploymentFailure", NULL, "The resource write operation failed to complete successfully, because it reached terminal provisioning state 'Failed'.") \
    X(ARM_OUTPUTS_FAILED,  400, ARM,     "DeploymentOutputEvaluationFailed", NULL, NULL) \
    X(ARM_DEPLOYMENT_SIZE, 400, ARM,     "DeploymentSizeExceeded", NULL, NULL) \
    X(ARM_DEPLOYMENT_TIME, 400, ARM,     "DeploymentTimeLimitExceeded", NULL, NULL) \
    X(ARM_NOT_RUNNING,     409, ARM,     "DeploymentNotRunning", NULL, NULL) \
    X(ARM_BAD_REQUEST,     400, ARM,     "BadRequest", NULL, NULL) \
    X(ARM_LINKED_ID,       400, ARM,     "LinkedInvalidPropertyId", NULL, NULL) \
    X(ARM_IDENTITY,        400, ARM,     "FailedIdentityOperation", NULL, NULL) \
    X(ARM_NAME,            400, ARM,     "InvalidResourceName", NULL, NULL) \
    X(ARM_GROUP_NAME,      400, ARM,     "InvalidResourceGroup", NULL, NULL) \
    X(ARM_FILTER,          400, ARM,     "InvalidFilterInQueryString", NULL, NULL) \
    X(ARM_GROUP_LOCATION,  409, ARM,     "InvalidResourceGroupLocation", NULL, NULL) \
    X(ARM_RESOURCE_LOCATION, 409, ARM,   "InvalidResourceLocation", NULL, NULL) \
    X(ARM_LOCATION,        400, ARM,     "LocationNotAvailableForResourceType", NULL, NULL) \
    X(ARM_NO_GROUP_LOCATION, 400, ARM,   "LocationNotAvailableForResourceGroup", NULL, NULL) \
    X(ARM_LOCATION_MISSING, 400, ARM,    "LocationRequired", NULL, "The location property is required for this definition.") \
    X(ARM_PRECONDITION,    412, ARM,     "PreconditionFailed", NULL, "The condition set in the request header was not satisfied.") \
    X(ARM_NESTED,          409, ARM,     "CannotDeleteResource", NULL, NULL) \
    X(ARM_SOFT_DELETED,    409, ARM,     "FlagMustBeSetForRestore", NULL, NULL) \
    X(ARM_NOT_DELETED,     400, ARM,     "CanNotRestoreANonExistingResource", NULL, "Could not locate a resource to restore.") \
    X(ARM_LOCKED,          409, ARM,     "ScopeLocked", NULL, NULL) \
    X(ARM_DOMAIN_IN_USE,   409, ARM,     "CustomDomainInUse", NULL, NULL) \
    X(ARM_DOMAIN_INVALID,  400, ARM,     "CustomDomainInvalid", NULL, NULL) \
    X(ARM_KEY_VAULT,       403, ARM,     "KeyVaultEncryptionKeyNotFound", NULL, TEXT_NO_VAULT_KEY) \
    X(ARM_PROPERTIES,      400, ARM,     "InvalidResourceProperties", NULL, NULL) \
    X(ARM_MODEL,           400, ARM,     "DeploymentModelNotSupported", NULL, NULL) \
    X(ARM_MODEL_DEPRECATED, 400, ARM,    "ServiceModelDeprecated", NULL, NULL) \
    X(ARM_MODEL_DEPRECATING, 400, ARM,   "ServiceModelDeprecating", NULL, NULL) \
    X(ARM_CAPACITY,        400, ARM,     "InvalidCapacity", NULL, NULL) \
    X(ARM_QUOTA,           400, ARM,     "InsufficientQuota", NULL, NULL) \
    X(ARM_SKU,             400, ARM,     "InvalidSku", NULL, NULL) \
    X(ARM_KIND,            400, ARM,     "InvalidApiSetId", NULL, NULL) \
    X(ARM_NO_ROLE,         404, ARM,     "RoleDefinitionDoesNotExist", NULL, NULL) \
    X(ARM_BAD_ROLE,        400, ARM,     "RoleDefinitionDoesNotExist", NULL, NULL) \
    X(ARM_ROLE_ID,         400, ARM,     "InvalidRoleDefinitionId", NULL, NULL) \
    X(ARM_ROLE_NAME,       409, ARM,     "RoleDefinitionWithSameNameExists", NULL, "A custom role with the same name already exists in this directory. Use a different name.") \
    X(ARM_ROLE_LIMIT,      400, ARM,     "RoleDefinitionLimitExceeded", NULL, "No more role definitions can be created.") \
    X(ARM_ROLE_BUILT_IN,   400, ARM,     "BuiltInRoleDefinitionNotModifiable", NULL, NULL) \
    X(ARM_ROLE_ASSIGNED,   400, ARM,     "RoleDefinitionHasAssignments", NULL, "There are existing role assignments referencing role.") \
    X(ARM_ROLE_ACTION,     400, ARM,     "InvalidActionOrNotAction", NULL, NULL) \
    X(ARM_ROLE_SCOPE,      400, ARM,     "RoleAssignmentScopeNotAssignableToRoleDefinition", NULL, NULL) \
    X(ARM_ASSIGNMENT_ID,   400, ARM,     "InvalidRoleAssignmentId", NULL, NULL) \
    X(ARM_ASSIGNMENT_EXISTS, 409, ARM,   "RoleAssignmentExists", NULL, NULL) \
    X(ARM_ASSIGNMENT_FIXED, 400, ARM,    "RoleAssignmentUpdateNotPermitted", NULL, "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.") \
    X(ARM_ASSIGNMENT_LIMIT, 400, ARM,    "RoleAssignmentLimitExceeded", NULL, "No more role assignments can be created.") \
    X(ARM_NO_ASSIGNMENT,   404, ARM,     "RoleAssignmentNotFound", NULL, NULL) \
    X(ARM_PRINCIPAL_ID,    400, ARM,     "InvalidPrincipalId", NULL, "A valid principal ID must be provided for role assignment.") \
    X(ARM_TOO_LARGE,       413, ARM,     "RequestEntityTooLarge", NULL, "The request content size exceeds the maximum size.") \
    X(ARM_MEDIA_TYPE,      415, ARM,     "UnsupportedMediaType", NULL, NULL) \
    X(ARM_THROTTLED,       429, ARM,     "SubscriptionRequestsThrottled", NULL, NULL) \
    /* Entra ID: the type is the number behind AADSTS */ \
    X(OAUTH_MISSING,       400, OAUTH,   "invalid_request", "900144", NULL) \
    X(OAUTH_TENANT,        400, OAUTH,   "invalid_request", "90002", NULL) \
    X(OAUTH_REQUEST,       400, OAUTH,   "invalid_request", "90014", NULL) \
    X(OAUTH_GRANT_TYPE,    400, OAUTH,   "unsupported_grant_type", "70003", NULL) \
    X(OAUTH_SCOPE,         400, OAUTH,   "invalid_scope", "70011", NULL) \
    X(OAUTH_RESPONSE_TYPE, 400, OAUTH,   "unsupported_response_type", "700054", NULL) \
    X(OAUTH_NO_SESSION,    400, OAUTH,   "login_required", "50058", "A silent sign-in request was sent but no user is signed in.") \
    X(OAUTH_NO_APPLICATION, 400, OAUTH,  "unauthorized_client", "700016", NULL) \
    X(OAUTH_NO_SECRET,     401, OAUTH,   "invalid_client", "7000218", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.") \
    X(OAUTH_SECRET,        401, OAUTH,   "invalid_client", "7000215", NULL) \
    X(OAUTH_ASSERTION,     401, OAUTH,   "invalid_client", "700027", NULL) \
    X(OAUTH_ASSERTION_TIME, 401, OAUTH,  "invalid_client", "700024", NULL) \
    X(OAUTH_OWN_ASSERTION, 401, OAUTH,   "invalid_client", "700222", "AAD-issued tokens may not be used for federated identity flows.") \
    X(OAUTH_FEDERATED_ISSUER, 401, OAUTH, "invalid_client", "700211", NULL) \
    X(OAUTH_FEDERATED_AUDIENCE, 401, OAUTH, "invalid_client", "700212", NULL) \
    X(OAUTH_FEDERATED_SUBJECT, 401, OAUTH, "invalid_client", "700213", NULL) \
    X(OAUTH_USER_TOKEN_FORM, 400, OAUTH, "invalid_request", "50027", "Invalid JWT token. Token format not valid.") \
    X(OAUTH_USER_TOKEN,    400, OAUTH,   "invalid_grant", "50013", NULL) \
    X(OAUTH_USER_TOKEN_AUDIENCE, 400, OAUTH, "invalid_grant", "500131", NULL) \
    X(OAUTH_USER_TOKEN_TIME, 400, OAUTH, "invalid_grant", "500133", NULL) \
    X(OAUTH_NOT_USERS,     400, OAUTH,   "invalid_grant", "7000114", NULL) \
    X(OAUTH_DISABLED,      400, OAUTH,   "invalid_grant", "50057", "The user account is disabled.") \
    X(OAUTH_PASSWORD,      400, OAUTH,   "invalid_grant", "50126", "Error validating credentials due to invalid username or password.") \
    X(OAUTH_PASSWORD_EXPIRED, 400, OAUTH, "invalid_grant", "50055", "The password is expired.") \
    X(OAUTH_TOKEN,         400, OAUTH,   "invalid_grant", "70000", NULL) \
    X(OAUTH_LOCKED,        400, OAUTH,   "invalid_grant", "50053", "The account is locked: too many sign-ins with a wrong user ID or password. Try again in a minute.") \
    X(OAUTH_REDIRECT,      400, OAUTH,   "invalid_request", "50011", NULL) \
    X(OAUTH_BUSY,          503, OAUTH,   "temporarily_unavailable", "90033", "Too many sign-ins at the moment. Please try again.") \
    X(OAUTH_PENDING,       400, OAUTH,   "authorization_pending", "70016", "OAuth 2.0 device flow error. Authorization is pending. Continue polling.") \
    X(OAUTH_DECLINED,      400, OAUTH,   "authorization_declined", "70017", "The user has denied access to the scope requested by the client application.") \
    X(OAUTH_EXPIRED,       400, OAUTH,   "expired_token", "70020", "The device code has expired, or is not known. Start again.") \
    /* Microsoft Graph */ \
    X(GRAPH_TOKEN,         401, GRAPH,   "InvalidAuthenticationToken", NULL, "Access token is empty, invalid, for another audience, or has expired.") \
    X(GRAPH_DENIED,        403, GRAPH,   "Authorization_RequestDenied", NULL, "Insufficient privileges to complete the operation.") \
    X(GRAPH_QUOTA,         403, GRAPH,   "Directory_QuotaExceeded", NULL, "The directory object quota limit for the Tenant has been exceeded. Please ask your administrator to increase the quota limit or delete objects to reduce the used quota.") \
    X(GRAPH_NOT_FOUND,     404, GRAPH,   "Request_ResourceNotFound", NULL, NULL) \
    X(GRAPH_BAD_REQUEST,   400, GRAPH,   "Request_BadRequest", NULL, NULL) \
    X(GRAPH_FEDERATED,     400, GRAPH,   "InvalidFederatedIdentityCredentialValue", NULL, NULL) \
    X(GRAPH_SAME_KEY,      409, GRAPH,   "Request_MultipleObjectsWithSameKeyValue", NULL, NULL) \
    X(GRAPH_SEGMENT,       400, GRAPH,   "BadRequest", NULL, NULL) \
    X(GRAPH_METHOD,        405, GRAPH,   "Request_BadRequest", NULL, "Specified HTTP method is not allowed for the request target.") \
    X(GRAPH_TOO_LARGE,     413, GRAPH,   "RequestEntityTooLarge", NULL, "The request content size exceeds the maximum size.") \
    X(GRAPH_BUSY,          503, GRAPH,   "Service_ServiceUnavailable", NULL, "Too many sign-ins at the moment. Please try again.") \
    X(GRAPH_QUERY,         400, GRAPH,   "Request_UnsupportedQuery", NULL, NULL)
/* clang-format on */

#endif
