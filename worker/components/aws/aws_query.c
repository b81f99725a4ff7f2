/* Owns the Query protocol. Called on the slot's thread, blocks in the HTTP client. It refuses forms
 * above 1 MB; services take 256 KB. */
#include "components/aws/aws_query.h"

#include "enc.h"

#define FORM_MAX MIB(1)

static const struct aws_xml_rule rules[] = {
    {"Topics", NULL, AWS_XML_ITEMS},       {"Subscriptions", NULL, AWS_XML_ITEMS},
    {"Attributes", NULL, AWS_XML_MAP},     {"Successful", NULL, AWS_XML_ITEMS},
    {"Failed", NULL, AWS_XML_ITEMS},       {"SenderFault", NULL, AWS_XML_BOOL},
    {"phoneNumbers", NULL, AWS_XML_ITEMS}, {0},
};

void aws_form_init(struct aws_form *f, const char *action, const char *version)
{
    buf_init(&f->text, FORM_MAX);
    aws_form_add(f, "Action", str_of(action));
    aws_form_add(f, "Version", str_of(version));
}

void aws_form_done(struct aws_form *f)
{
    buf_done(&f->text);
}

void aws_form_add(struct aws_form *f, const char *name, struct str value)
{
    buf_adds(&f->text, f->text.len ? "&" : "");
    enc_percent(&f->text, str_of(name));
    buf_addc(&f->text, '=');
    enc_percent(&f->text, value);
}

void aws_form_add_if(struct aws_form *f, const char *name, struct str value)
{
    if (value.len) {
        aws_form_add(f, name, value);
    }
}

int aws_query_send(struct action_context *ctx, const struct aws_session *s,
                   enum aws_service service, const struct aws_form *f, struct http_response *ret_r,
                   struct json *ret, struct err *err)
{
    if (f->text.full) {
        return err_set(err, -EMSGSIZE, "aws.too_large", "The request is larger than 1 MB.");
    }
    struct aws_request r;
    aws_request_init(&r, service, "POST");
    r.body = buf_str(&f->text);
    r.has_body = true;
    r.max_response_bytes = AWS_XML_MAX_BYTES;
    http_headers_add(&r.headers, STR("Content-Type"),
                     STR("application/x-www-form-urlencoded; charset=utf-8"));
    int rc = aws_send(ctx, s, &r, ret_r, err);
    if (rc < 0) {
        return rc;
    }
    struct str root;
    struct json body;
    rc = aws_xml_read(ctx, ret_r->body, rules, &root, &body, err);
    if (rc < 0) {
        return rc;
    }
    *ret = json_object(NULL, 0);
    for (uint32_t i = 0; body.type == JSON_OBJECT && i < body.len; i++) {
        if (str_ends(body.members[i].key, STR("Result")) &&
            body.members[i].value.type == JSON_OBJECT) {
            *ret = body.members[i].value;
        }
    }
    return 0;
}
