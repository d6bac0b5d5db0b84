/* SPDX-License-Identifier: MIT */
#include "cli/az_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/format.h"
#include "server/data_folder.h"

#define FILE_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* Debian's and Alpine's; Fedora's; others'. */
static const char *const system_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
};

/* What az remembers of a sign-in: tokens, and where to get them. */
static const char *const remembered[] = {
    "azureProfile.json",
    "clouds.config",
    "msal_http_cache.bin",
    "msal_token_cache.bin",
    "msal_token_cache.json",
    "service_principal_entries.bin",
    "service_principal_entries.json",
};

/* ---- files ---- */

static const char *path_in(const struct az_profile *p, const char *name)
{
    return arena_printf(p->arena, "%.*s/%s", STR_ARGS(p->folder), name).data;
}

/* Empty when it cannot be read. */
static struct str read_file(const char *path, struct buf *space)
{
    FILE *f = fopen(path, "re");
    char part[16 * 1024];
    size_t len;

    buf_clear(space);
    while (f && (len = fread(part, 1, sizeof(part), f)) > 0) {
        if (!buf_append(space, str_of(part, len)))
            break;
    }
    if (f)
        fclose(f);
    return buf_str(space);
}

static bool append_system_bundle(struct buf *bundle, struct buf *space)
{
    struct str text = STR_NONE;

    for (size_t i = 0; !text.len && i < ARRAY_LEN(system_bundles); i++)
        text = read_file(system_bundles[i], space);
    return buf_append(bundle, text);
}

static bool make_bundle(struct az_profile *p, struct error *err)
{
    const char *authority_file = arena_text(p->arena, p->service->authority_file);
    const char *path = path_in(p, "ca-bundle.pem");
    struct buf bundle, space;
    struct str authority;
    bool ok;

    buf_init(&bundle, FILE_BYTES_MAX);
    buf_init(&space, FILE_BYTES_MAX / 2);
    ok = append_system_bundle(&bundle, &space);
    authority = read_file(authority_file, &space);
    if (!authority.len)
        ok = error_set(err, ERROR_IO, "%s: cannot be read: %s", authority_file, strerror(errno));
    else if (!ok || !buf_append(&bundle, authority))
        ok = error_set(err, ERROR_IO, "%s: too large", path);
    if (ok && !str_equal(read_file(path, &space), buf_str(&bundle)))
        ok = data_folder_write(path, buf_str(&bundle), err);
    buf_done(&bundle);
    buf_done(&space);
    p->ca_bundle = str_from(path);
    return ok;
}

/* To write in it, one at a time: a descriptor to be closed, or -1. */
static int lock_folder(const struct az_profile *p, struct error *err)
{
    int fd = open(p->folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX) == 0)
        return fd;
    error_set(err, ERROR_IO, "%.*s: %s", STR_ARGS(p->folder), strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool az_profile_open(struct az_profile *p, const struct service_info *service, struct arena *a,
                     struct error *err)
{
    struct data_folder data = { .path = arena_text(a, service->folder) };
    char *folder;
    int lock;
    bool ok;

    *p = (struct az_profile){ .service = service, .arena = a };
    if (!service->known.endpoint.secure_base.len)
        return error_set(err, ERROR_CONFIG,
                         "the service of %s does not speak TLS, without which az sends no token: "
                         "start it with --tls-development, or with tls_certificate and tls_key",
                         data.path);
    folder = data_folder_make_below(&data, "az", err);
    if (!folder)
        return false;
    p->folder = arena_copy(a, str_from(folder));
    free(folder);
    if (!service->authority_file.len)
        return true;
    lock = lock_folder(p, err);
    ok = lock >= 0 && make_bundle(p, err);
    if (lock >= 0)
        close(lock);
    return ok;
}

void az_profile_set_environment(const struct az_profile *p)
{
    setenv("AZURE_CONFIG_DIR", p->folder.data, 1);
    if (p->ca_bundle.len)
        setenv("REQUESTS_CA_BUNDLE", p->ca_bundle.data, 1);
    setenv("AZURE_CORE_COLLECT_TELEMETRY", "no", 1);
    /* Microsoft's list of clouds does not know this one. */
    setenv("AZURE_CORE_INSTANCE_DISCOVERY", "false", 1);
    /* They would name another cloud. */
    unsetenv("AZURE_CLOUD_NAME");
    unsetenv("ARM_CLOUD_METADATA_URL");
}

/* ---- signing in ---- */

static void write_input(int fd, struct str input)
{
    /* who does not read it fails by itself, and says why */
    while (input.len) {
        ssize_t n = write(fd, input.data, input.len);

        if (n < 0 && errno != EINTR)
            return;
        input = str_slice(input, n > 0 ? (size_t)n : 0, SIZE_MAX);
    }
}

static bool start(const char *const *words, int input, pid_t *child, struct error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t ours; /* what main has changed */
    int rc;

    sigemptyset(&ours);
    sigaddset(&ours, SIGPIPE);
    sigaddset(&ours, SIGXFSZ);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &ours);
    rc = posix_spawn(child, words[0], &actions, &attributes, (char *const *)(uintptr_t)words,
                     environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc == 0 || error_set(err, ERROR_IO, "%s: %s", words[0], strerror(rc));
}

/* Runs az with these words, the first of which is its path; it reads `input`. */
static bool run(const char *const *words, struct str input, struct error *err)
{
    int ends[2], status;
    pid_t child;
    bool ok;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(err, ERROR_IO, "%s: %s", words[0], strerror(errno));
    ok = start(words, ends[0], &child, err);
    close(ends[0]);
    if (ok)
        write_input(ends[1], input);
    close(ends[1]);
    if (!ok)
        return false;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return error_set(err, ERROR_IO, "%s: %s", words[0], strerror(errno));
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return error_set(err, ERROR_IO,
                     "'az %s %s' has failed; is the service running, and is az 2.54 or newer?",
                     words[1], words[2]);
}

/* The secret goes through a pipe: the words of a command are everybody's to see. */
static bool sign_in(const struct az_profile *p, const char *az, struct error *err)
{
    const struct bootstrap_info *known = &p->service->known;
    const char *endpoint =
        arena_printf(p->arena, "%.*s/", STR_ARGS(known->endpoint.secure_base)).data;
    const char *client = arena_text(p->arena, known->client_id);
    const char *tenant = arena_text(p->arena, known->tenant_id);
    const char *const add[] = { az,         "cloud",
                                "register", "--name",
                                AZ_CLOUD,   "--endpoint-resource-manager",
                                endpoint,   "--only-show-errors",
                                NULL };
    const char *const choose[] = {
        az, "cloud", "set", "--name", AZ_CLOUD, "--only-show-errors", NULL,
    };
    const char *const login[] = {
        az,         "login", "--service-principal", "--username", client, "--password", "@-",
        "--tenant", tenant,  "--only-show-errors",  NULL,
    };

    for (size_t i = 0; i < ARRAY_LEN(remembered); i++) {
        if (unlink(path_in(p, remembered[i])) != 0 && errno != ENOENT)
            return error_set(err, ERROR_IO, "%s: %s", path_in(p, remembered[i]), strerror(errno));
    }
    return run(add, STR_NONE, err) && run(choose, STR_NONE, err) &&
           run(login, known->client_secret, err);
}

static struct str digest_of(const struct az_profile *p)
{
    const struct bootstrap_info *known = &p->service->known;
    const struct str parts[] = { known->endpoint.secure_base, known->tenant_id, known->client_id,
                                 known->client_secret };
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned len;

    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
        abort(); /* out of memory */
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        EVP_DigestUpdate(context, parts[i].data, parts[i].len);
        EVP_DigestUpdate(context, "", 1);
    }
    EVP_DigestFinal_ex(context, digest, &len);
    EVP_MD_CTX_free(context);
    return format_hex(p->arena, digest, len);
}

static bool sign_in_once(const struct az_profile *p, const char *az, struct error *err)
{
    const char *stamp = path_in(p, "signed-in");
    struct str digest = digest_of(p);
    struct buf space;
    bool is_done;

    buf_init(&space, FILE_BYTES_MAX);
    is_done = str_equal(read_file(stamp, &space), digest);
    buf_done(&space);
    if (is_done)
        return true;
    unlink(stamp);
    return sign_in(p, az, err) && data_folder_write(stamp, digest, err);
}

bool az_profile_sign_in(const struct az_profile *p, const char *az, struct error *err)
{
    int lock = lock_folder(p, err);
    bool ok = lock >= 0 && sign_in_once(p, az, err);

    if (lock >= 0)
        close(lock);
    return ok;
}
