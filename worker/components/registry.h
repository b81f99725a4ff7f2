/* Every native component, each defined in its own folder. registry.c lists them. */
#pragma once

#include "components/component.h"

extern const struct component component_aws_s3;
extern const struct component component_aws_sns;
extern const struct component component_aws_sqs;
extern const struct component component_branch;
extern const struct component component_change_data_format;
extern const struct component component_collection_tools;
extern const struct component component_cross_flow;
extern const struct component component_csv;
extern const struct component component_data_mapper;
extern const struct component component_datetime;
extern const struct component component_ftp;
extern const struct component component_hash;
extern const struct component component_http;
extern const struct component component_jmespath;
extern const struct component component_liquid_template;
extern const struct component component_log;
extern const struct component component_loop;
extern const struct component component_management_triggers;
extern const struct component component_math;
extern const struct component component_messagepack;
extern const struct component component_persist_data;
extern const struct component component_postgres;
extern const struct component component_process_data;
extern const struct component component_random;
extern const struct component component_recursive_flow;
extern const struct component component_redis;
extern const struct component component_schedule_triggers;
extern const struct component component_sftp;
extern const struct component component_sleep;
extern const struct component component_smtp;
extern const struct component component_stop_execution;
extern const struct component component_text_manipulation;
extern const struct component component_url;
extern const struct component component_webhook_triggers;
extern const struct component component_zip;
