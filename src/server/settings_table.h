/*
 * The master copy of all settings: file keys, flags, ranges, defaults and docs/settings.md come
 * from here.
 *
 * TEXT(name, default, reloadable, help)                    default NULL: not set
 * NUMBER(name, default, minimum, maximum, reloadable, help) with the unit in the name
 * FLAG(name, default, reloadable, help)
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SETTINGS_TABLE_H
#define SERVER_SETTINGS_TABLE_H

/* clang-format off */
#define SETTINGS(TEXT, NUMBER, FLAG) \
    TEXT(listen, "127.0.0.1:4270", false, "Address and port to listen on; an IPv6 address in brackets, port 0 for any free one.") \
    TEXT(data, "./.lazuli", false, "Folder of the database, keys and sockets; made when missing. A start needs to be let write there; room on the disk it needs only for what is missing yet.") \
    TEXT(public_base, NULL, false, "URL under which clients reach the service; endpoints are made of it. Default: an account shows the scheme and host that the request came by, other places those of listen.") \
    TEXT(data_domain, NULL, false, "Accounts with a custom subdomain are served as NAME.openai.DATA_DOMAIN; a NAME that none has is not found.") \
    TEXT(trusted_proxies, NULL, false, "IP addresses and ranges (CIDR), separated by commas, whose `X-Forwarded-For` says who the client is: for an account's network rules, the activity log and the claim ipaddr of tokens. Where one of them writes an empty value into it, or what is no address, the client has none.") \
    TEXT(private_networks, NULL, false, "IP addresses and ranges (CIDR), separated by commas: a client there calls an account that has an approved private endpoint connection as by that endpoint, whatever publicNetworkAccess and networkAcls say. It must name the account, by host or path.") \
    TEXT(machine_identity, NULL, false, "Client id of the identity that programs of this machine get tokens of, without a secret, at /metadata/identity/oauth2/token (loopback only), as from Azure's instance metadata service.") \
    TEXT(machine_identities, NULL, false, "User-assigned managed identities, by resource id or by name, separated by commas, whose tokens those programs get beside it when they ask for one by its client id, object id or resource id; without machine_identity, the only one there is also unasked.") \
    TEXT(catalog, NULL, true, "Model catalog file. Default: the built-in catalog.") \
    TEXT(identity_file, NULL, true, "File that names foreign issuers whose tokens are taken, or whose workloads may sign in. See identity.md.") \
    TEXT(tls_certificate, NULL, true, "PEM file with the certificate chain; with it, TLS is served beside plain HTTP on the same port, and endpoints are https.") \
    TEXT(tls_key, NULL, true, "PEM file with the certificate's key.") \
    FLAG(tls_development, false, false, "Where tls_certificate is not set: serve TLS beside plain HTTP with a certificate of a CA of the data folder's own, which clients fetch as /ca.pem; `lazuli up` does. See security.md.") \
    FLAG(tls_required, false, false, "Refuse plain HTTP.") \
    TEXT(master_key_file, NULL, false, "File with the key that seals stored secrets. Default: master.key in the data folder, made when missing.") \
    TEXT(master_key_command, NULL, false, "Command that prints that key instead.") \
    TEXT(vault_key_folder, NULL, true, "Folder of the keys that stand for those of key vaults, which accounts name in encryption.keyVaultProperties: VAULT-HOST/KEY-NAME/VERSION below it. See security.md.") \
    TEXT(vault_key_command, NULL, true, "Command that prints such a key instead.") \
    NUMBER(vault_key_timeout_ms, 10000, 100, 60000, true, "How long that command may take.") \
    TEXT(llama_server, NULL, false, "Path of llama-server. Default: found on the PATH, else beside the build.") \
    TEXT(log_level, "info", true, "error, warn, info or debug.") \
    TEXT(sandbox, "on", false, "on: give up at start what is not needed, as far as the kernel lets it, and log what is in force; required: or do not start; off. See security.md.") \
    FLAG(core_dumps, false, false, "Let core dumps and debuggers of the same user see the memory, keys and prompts included.") \
    FLAG(dev, false, false, "Development server: obeys faults that clients ask for in x-lazuli-fault.") \
    FLAG(strict_errors, false, false, "Answer calls of a deployment whose model has retired as Azure does, with a bare 404 `Resource not found`; false: `DeploymentNotFound`, and a message that says what retired and when.") \
    FLAG(rate_limits, true, false, "Refuse (429) what is above the limits that a deployment's capacity comes to; false: count, show and refuse nothing.") \
    FLAG(charge_usage, false, false, "Count against a deployment's tokens per minute what its engine really used, once that is known, in place of the estimate at arrival, which Azure keeps.") \
    FLAG(arm_rate_limits, true, false, "Limit the control plane's requests as Azure does (429); false for load tests.") \
    NUMBER(activity_log_days, 90, 1, 3650, true, "How long events of the control plane's activity log are kept.") \
    NUMBER(workers, 0, 0, 1024, false, "Event loops; 0: one a core.") \
    NUMBER(drain_delay_ms, 0, 0, 3600000, true, "How long connections are still taken after SIGTERM, while /readyz says draining; behind a load balancer, or in Kubernetes, longer than these take to see that.") \
    NUMBER(drain_ms, 30000, 0, 3600000, true, "How long streams in flight may go on after that, and on a llama-server that a reload replaces. The process may take 5 s more to end, for clients that do not read and a llama-server that does not stop: give it drain_delay_ms, drain_ms and these (in Kubernetes, terminationGracePeriodSeconds).") \
    NUMBER(body_bytes_max, 33554432, 1024, 1073741824, false, "Largest request body.") \
    NUMBER(bodies_bytes_max, 268435456, 1024, 1099511627776, false, "Bodies together of the requests that an event loop has at a time; while there are more, a request whose body is not small (some kB) is refused with 503.") \
    NUMBER(head_bytes_max, 65536, 1024, 1048576, false, "Largest request line and headers together.") \
    NUMBER(url_bytes_max, 8192, 256, 65536, false, "Longest URL.") \
    NUMBER(header_count_max, 100, 10, 1000, false, "Most headers of a request.") \
    NUMBER(connections_max, 20000, 1, 1000000, false, "Connections of each event loop; more are closed at once.") \
    NUMBER(idle_timeout_ms, 75000, 100, 3600000, false, "A kept-alive connection without a request is closed.") \
    NUMBER(head_timeout_ms, 10000, 100, 3600000, false, "From the first byte of a request's head to its end; and for a new connection, with its TLS handshake, to the first byte.") \
    NUMBER(body_timeout_ms, 30000, 100, 3600000, false, "Without 16 KiB more, or the end, of a request's body.") \
    NUMBER(body_total_ms, 600000, 100, 86400000, false, "To the end of a request's body, however it comes on: what its head was allowed is not done hours later.") \
    NUMBER(write_timeout_ms, 60000, 100, 3600000, false, "A client that takes no byte of its answer is dropped.")
/* clang-format on */

#endif
