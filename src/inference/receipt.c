/* SPDX-License-Identifier: MIT */
#include "inference/receipt.h"

#include "inference/admit.h"
#include "net/http_write.h"

#define HEADER STR("x-lazuli-receipt")

bool receipt_is_wanted(const struct http_headers *headers)
{
    return str_equal_nocase(http_headers_get(headers, HEADER), STR("true"));
}

static char *write_integer(char *at, struct str name, int64_t value)
{
    at = http_write_raw(at, name);
    if (value < 0)
        *at++ = '-';
    return format_put_decimal(at, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

/* With three digits behind the point. */
static char *write_thousandths(char *at, struct str name, uint64_t value)
{
    at = format_put_decimal(http_write_raw(at, name), value / 1000);
    *at++ = '.';
    *at++ = (char)('0' + value / 100 % 10);
    *at++ = (char)('0' + value / 10 % 10);
    *at++ = (char)('0' + value % 10);
    return at;
}

/* In percent, as azure-openai-deployment-utilization. */
static char *write_throughput(char *at, const struct exchange *x)
{
    const struct directory_deployment *d = x->deployment;
    uint64_t permille = ptu_bucket_permille(&d->counters->bucket, &d->ptu,
                                            clock_steady_ms(x->inference->options.clock));

    at = write_thousandths(at, STR(", drain="), d->ptu.tokens_per_minute * 1000 / 60);
    return write_thousandths(at, STR(", level="), permille * 100);
}

static char *write_receipt(char *at, const struct exchange *x)
{
    const struct admission *a = &x->admission;
    bool is_provisioned = x->deployment->ptu.tokens_per_minute != 0, is_settled = !a->is_admitted;

    at = http_write_raw(at, is_provisioned ? STR("unit=input-tokens") : STR("unit=tokens"));
    at = write_integer(at, STR(", estimate="), (int64_t)a->estimate);
    if (is_settled) {
        at = write_integer(at, STR(", actual="), (int64_t)a->actual);
        at = write_integer(at, STR(", correction="), a->correction);
    }
    return is_provisioned ? write_throughput(at, x) : at;
}

char *receipt_write_header(char *at, const struct exchange *x)
{
    at = http_write_raw(http_write_raw(at, HEADER), STR(": "));
    return http_write_raw(write_receipt(at, x), STR("\r\n"));
}

bool receipt_add_comment(struct exchange *x, struct buf *events)
{
    char line[RECEIPT_BYTES_MAX], *at;

    x->status = 200; /* of a stream that is whole, also where nothing went out yet */
    admit_settle(x);
    at = http_write_raw(line, STR(": lazuli-receipt "));
    at = http_write_raw(write_receipt(at, x), STR("\n\n"));
    return buf_append(events, str_of(line, (size_t)(at - line)));
}
