/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "net/http.h"
#include "net/http_write.h"

#define assert_text(s, text)                                  \
    do {                                                      \
        struct str s_ = (s);                                  \
        assert_int_equal(s_.len, sizeof(text) - 1);           \
        assert_memory_equal(s_.data, text, sizeof(text) - 1); \
    } while (0)

static void finds_headers(void **state)
{
    struct http_header items[] = {
        { STR("Content-Type"), STR("application/json") },
        { STR("X-Empty"), STR("") },
        { STR("content-type"), STR("second") },
    };
    struct http_headers h = { .items = items, .count = ARRAY_LEN(items) };
    struct http_headers none = { 0 };

    (void)state;
    assert_text(http_headers_get(&h, STR("CONTENT-TYPE")), "application/json");
    assert_non_null(http_headers_get(&h, STR("x-empty")).data);
    assert_null(http_headers_get(&h, STR("Content-Typ")).data);
    assert_null(http_headers_get(&none, STR("Host")).data);
}

static void names_methods(void **state)
{
    (void)state;
    for (int m = HTTP_GET; m < HTTP_OTHER; m++)
        assert_int_equal(http_method_from_name(str_from(http_method_name((enum http_method)m))), m);
    assert_int_equal(http_method_from_name(STR("get")), HTTP_OTHER);
    assert_int_equal(http_method_from_name(STR("PROPFIND")), HTTP_OTHER);
    assert_string_equal(http_method_name(HTTP_PATCH), "PATCH");
}

static void phrases_statuses(void **state)
{
    (void)state;
    assert_string_equal(http_status_phrase(200), "OK");
    assert_string_equal(http_status_phrase(404), "Not Found");
    assert_string_equal(http_status_phrase(429), "Too Many Requests");
    assert_string_equal(http_status_phrase(599), "Unknown");
}

static void reads_queries(void **state)
{
    struct arena *a = arena_new(NULL);
    struct str q = STR("api-version=2024-06-01&%24filter=name%20eq+%27a%2Bb%27&flag&empty=&bad=%zz"
                       "&twice=1&twice=2&=nameless&a=b=c");

    (void)state;
    assert_text(http_query_get(a, q, STR("api-version")), "2024-06-01");
    assert_text(http_query_get(a, q, STR("API-Version")), "2024-06-01");
    assert_text(http_query_get(a, q, STR("$filter")), "name eq 'a+b'");
    assert_text(http_query_get(a, q, STR("flag")), "");
    assert_non_null(http_query_get(a, q, STR("flag")).data);
    assert_non_null(http_query_get(a, q, STR("empty")).data);
    assert_text(http_query_get(a, q, STR("bad")), "%zz");
    assert_text(http_query_get(a, q, STR("twice")), "1");
    assert_text(http_query_get(a, q, STR("a")), "b=c");
    assert_null(http_query_get(a, q, STR("api")).data);
    assert_null(http_query_get(a, STR_NONE, STR("x")).data);
    assert_null(http_query_get(a, STR("x%00y=1"), STR("x")).data);
    arena_free(a);
}

static void reads_media_types(void **state)
{
    struct arena *a = arena_new(NULL);

    (void)state;
    assert_text(http_media_type(a, STR(" Application/JSON ; charset=utf-8")), "application/json");
    assert_text(http_media_type(a, STR("text/plain")), "text/plain");
    assert_text(http_media_type(a, STR_NONE), "");
    arena_free(a);
}

static void writes_parts_of_heads(void **state)
{
    char out[200];

    (void)state;
    assert_text(str_of(out, (size_t)(http_write_hex(out, 0) - out)), "0");
    assert_text(str_of(out, (size_t)(http_write_hex(out, UINT64_MAX) - out)), "ffffffffffffffff");
    assert_text(str_of(out, (size_t)(http_write_hex(out, 0x1a0) - out)), "1a0");
    /* no value ends its header, nor the head */
    assert_text(str_of(out, (size_t)(http_write_header(out, STR("X\r\nY"),
                                                       STR("a\r\n\r\nb\tc\x7f\0d\xe2")) -
                                     out)),
                "X  Y: a    b\tc  d\xe2\r\n");
}

static void knows_the_room_for_headers(void **state)
{
    struct http_header items[] = { { STR("ab"), STR("cd") }, { STR("e"), STR("") } };
    struct http_headers headers = { .items = items, .count = 2, .lines = STR("f: g\r\n") };
    char out[64], *at = http_write_raw(out, headers.lines);

    (void)state;
    for (size_t i = 0; i < headers.count; i++)
        at = http_write_header(at, items[i].name, items[i].value);
    assert_int_equal(http_write_headers_room(&headers), at - out);
}

/* Each byte at each place among others. */
static void blanks_controls_wherever_they_are(void **state)
{
    char text[20], out[20];

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            bool is_control = (byte < ' ' && byte != '\t') || byte == 0x7F;

            memset(text, '\xfe', sizeof(text));
            text[at] = (char)byte;
            assert_ptr_equal(http_write_text(out, str_of(text, sizeof(text))), out + sizeof(out));
            if (is_control)
                text[at] = ' ';
            assert_memory_equal(out, text, sizeof(text));
        }
    }
}

static struct str client_request_id(const char *value, size_t len)
{
    struct http_header item = { STR("x-id"), str_of(value, len) };
    struct http_headers h = { .items = &item, .count = 1 };

    return http_client_request_id(&h, STR("X-Id"));
}

static void gives_back_ids_of_a_decent_size_and_form(void **state)
{
    char text[257];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(client_request_id(text, 256).len, 256);
    assert_null(client_request_id(text, 257).data);
    assert_text(client_request_id("\xC3\xA4", 2), "\xC3\xA4");
    assert_null(client_request_id("\xC3", 1).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_headers),
        cmocka_unit_test(names_methods),
        cmocka_unit_test(phrases_statuses),
        cmocka_unit_test(reads_queries),
        cmocka_unit_test(reads_media_types),
        cmocka_unit_test(writes_parts_of_heads),
        cmocka_unit_test(knows_the_room_for_headers),
        cmocka_unit_test(blanks_controls_wherever_they_are),
        cmocka_unit_test(gives_back_ids_of_a_decent_size_and_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
