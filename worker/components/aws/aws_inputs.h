/* Inputs that all AWS actions share, as rows of their tables. */
#pragma once

#include "components/component.h"

#define AWS_CONNECTION_INPUT(name)                                                                 \
    {                                                                                              \
        .key = (name), .label = "Connection", .type = CATALOG_CONNECTION,                          \
        .comments = "An AWS connection: accessKeyId and secretAccessKey, if need be with "         \
                    "sessionToken, roleARN and externalId (to assume a role), awsRegion and "      \
                    "customEndpoint.",                                                             \
    }
#define AWS_REGION_INPUT                                                                           \
    {                                                                                              \
        .key = "awsRegion", .label = "AWS Region", .type = CATALOG_STRING,                         \
        .comments = "The region to call; the connection's, or us-east-1, when empty.",             \
        .example = "eu-west-1",                                                                    \
    }
#define AWS_DYNAMIC_INPUTS                                                                         \
    {                                                                                              \
        .key = "dynamicAccessKeyId",                                                               \
        .label = "Dynamic Access Key ID",                                                          \
        .type = CATALOG_STRING,                                                                    \
        .comments = "An access key of an earlier step, taken instead of the connection's.",        \
    },                                                                                             \
        {                                                                                          \
            .key = "dynamicSecretAccessKey",                                                       \
            .label = "Dynamic Secret Access Key",                                                  \
            .type = CATALOG_PASSWORD,                                                              \
            .comments = "The secret of that access key.",                                          \
        },                                                                                         \
    {                                                                                              \
        .key = "dynamicSessionToken", .label = "Dynamic Session Token", .type = CATALOG_PASSWORD,  \
        .comments = "The session token of that access key, if it has one.",                        \
    }
#define AWS_ENDPOINT_INPUT                                                                         \
    {                                                                                              \
        .key = "customEndpoint", .label = "Custom Endpoint", .type = CATALOG_STRING,               \
        .comments = "Address of a compatible service to call instead of Amazon's.",                \
        .example = "https://storage.example.com:9000",                                             \
    }
/* Everything about who is called as whom. */
#define AWS_SESSION_INPUTS(connection)                                                             \
    AWS_CONNECTION_INPUT(connection), AWS_REGION_INPUT, AWS_DYNAMIC_INPUTS, AWS_ENDPOINT_INPUT
