/* Owns operations on lists and objects that need no code of the author. Pure, on the slot's thread;
 * values are never changed, new ones share their parts. It refuses inputs of the wrong shape. */
#include "components/collection_tools/collection_tools.h"
#include "components/registry.h"

#define LIST_INPUT                                                                                 \
    {                                                                                              \
        .key = "listInput", .label = "List", .type = CATALOG_JSON, .required = true,               \
        .comments = "A reference to a list."                                                       \
    }
#define OBJECT_INPUT                                                                               \
    {                                                                                              \
        .key = "object", .label = "Object", .type = CATALOG_JSON,                                  \
        .comments = "The object to work on; a new one when empty."                                 \
    }
#define PATH_INPUT                                                                                 \
    {                                                                                              \
        .key = "objectPath", .label = "Insert Path", .type = CATALOG_STRING,                       \
        .comments = "Where in the object, with dots between the keys; its top level when empty.",  \
        .example = "customer.address"                                                              \
    }

static const struct action_input list_inputs[] = {LIST_INPUT, {0}};
static const struct action_input object_inputs[] = {OBJECT_INPUT, {0}};
static const struct action_input list_number_inputs[] = {
    LIST_INPUT,
    {
        .key = "numberInput",
        .label = "Number of Elements",
        .type = CATALOG_NUMBER,
        .fallback = "1",
        .comments = "How many elements to take at a time.",
    },
    {0},
};
static const struct action_input list_element_inputs[] = {
    LIST_INPUT,
    {
        .key = "elementInput",
        .label = "Element",
        .type = CATALOG_JSON,
        .comments = "The element to append, look for or remove.",
    },
    {0},
};
static const struct action_input index_inputs[] = {
    LIST_INPUT,
    {
        .key = "index",
        .label = "Index",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "Position of the item, from 0; a negative one counts from the end.",
    },
    {0},
};
static const struct action_input concatenate_inputs[] = {
    {
        .key = "firstListInput",
        .label = "First List",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A reference to a list.",
    },
    {
        .key = "secondListInput",
        .label = "Second List",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A reference to the list that follows.",
    },
    {0},
};
static const struct action_input create_inputs[] = {
    {
        .key = "items",
        .label = "List Items",
        .type = CATALOG_JSON,
        .collection = CATALOG_VALUE_LIST,
        .comments = "The items of the new list, in order.",
    },
    {0},
};
static const struct action_input create_object_inputs[] = {
    {
        .key = "keyValueInput",
        .label = "Key & Value Pairs",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "The keys of the new object and their values.",
    },
    {0},
};
static const struct action_input to_object_inputs[] = {
    {
        .key = "keyValueListInput",
        .label = "Key/Value List",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A reference to a list of objects with key and value.",
    },
    {0},
};
static const struct action_input add_key_inputs[] = {
    OBJECT_INPUT,
    {
        .key = "key",
        .label = "Key",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "Name of the property.",
    },
    {
        .key = "value",
        .label = "Value",
        .type = CATALOG_JSON,
        .comments = "Value of the property.",
    },
    PATH_INPUT,
    {0},
};
static const struct action_input add_keys_inputs[] = {
    OBJECT_INPUT,
    PATH_INPUT,
    {
        .key = "dynamicFields",
        .label = "Dynamic Key/Values",
        .type = CATALOG_JSON,
        .comments = "An object, or a list of keys and values; Key/Values is then ignored.",
    },
    {
        .key = "keyValueListInput",
        .label = "Key/Values",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "The properties to add.",
    },
    {0},
};
static const struct action_input remove_key_inputs[] = {
    OBJECT_INPUT,
    {
        .key = "key",
        .label = "Key",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "Name of the property to remove.",
    },
    PATH_INPUT,
    {0},
};
static const struct action_input aggregate_inputs[] = {
    LIST_INPUT,
    {
        .key = "aggregateFunction",
        .label = "Aggregate Function",
        .type = CATALOG_STRING,
        .required = true,
        .choices = collection_aggregates,
        .comments = "What to make of the numbers.",
    },
    {0},
};
static const struct action_input group_inputs[] = {
    LIST_INPUT,
    {
        .key = "groupKey",
        .label = "Group Key",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The field whose value tells the group, with dots between nested keys; items "
                    "without it come under null.",
        .example = "status",
    },
    {0},
};
static const struct action_input lookup_inputs[] = {
    LIST_INPUT,
    {
        .key = "lookupKey",
        .label = "Lookup Key",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The field to compare, with dots between nested keys.",
        .example = "customer.id",
    },
    {
        .key = "elementInput",
        .label = "Element",
        .type = CATALOG_JSON,
        .comments = "The value to find; text also finds the number, true or false it writes.",
    },
    {0},
};
static const struct action_input slice_inputs[] = {
    LIST_INPUT,
    {
        .key = "startIndex",
        .label = "Start",
        .type = CATALOG_NUMBER,
        .fallback = "0",
        .comments = "Position of the first element, from 0; a negative one counts from the end.",
    },
    {
        .key = "endIndex",
        .label = "End",
        .type = CATALOG_NUMBER,
        .comments = "Position after the last element; a negative one counts from the end. The end "
                    "of the list when empty.",
    },
    {0},
};
static const char *const orders[] = {"ascending", "descending", NULL};
static const struct action_input sort_inputs[] = {
    LIST_INPUT,
    {
        .key = "sortKey",
        .label = "Sort Key",
        .type = CATALOG_STRING,
        .comments = "The field to sort by, with dots between nested keys; the elements themselves "
                    "when empty. Numbers come before texts; elements without it come last.",
        .example = "price",
    },
    {
        .key = "sortOrder",
        .label = "Order",
        .type = CATALOG_STRING,
        .fallback = "ascending",
        .choices = orders,
        .comments = "Smallest or largest first; equal elements keep their order.",
    },
    {0},
};
static const struct action_input mapping_inputs[] = {
    {
        .key = "keyMappings",
        .label = "Key Mappings",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .required = true,
        .comments = "Names, and the key each gives in the result.",
    },
    {
        .key = "valueMappings",
        .label = "Value Mappings",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .required = true,
        .comments = "The same names, and the value each gives in the result.",
    },
    {0},
};
static const struct action_input merge_inputs[] = {
    {
        .key = "firstObject",
        .label = "First Object",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A reference to an object.",
    },
    {
        .key = "secondObject",
        .label = "Second Object",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A reference to the object whose properties win.",
    },
    {
        .key = "deepMerge",
        .label = "Deep Merge",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Merge objects that both hold under the same key, too.",
    },
    {0},
};
static const struct action_input object_keys_inputs[] = {
    OBJECT_INPUT,
    {
        .key = "keysInput",
        .label = "Keys",
        .type = CATALOG_STRING,
        .collection = CATALOG_VALUE_LIST,
        .required = true,
        .comments = "Names of the properties.",
        .example = "[\"id\", \"name\"]",
    },
    {0},
};
static const struct action_input validate_inputs[] = {
    {
        .key = "jsonInput",
        .label = "JSON Input",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The data to check, usually a reference. Text of an object or list stands for "
                    "its value.",
    },
    {
        .key = "jsonSchema",
        .label = "JSON Schema",
        .type = CATALOG_CODE,
        .required = true,
        .comments = "The schema, of any draft from 4 to 2020-12. References lead to places within "
                    "it (#/...); formats are not checked.",
        .example = "{\"type\": \"object\", \"required\": [\"id\"]}",
    },
    {0},
};

#define LIST(k, l, about, sample, fn)                                                              \
    {                                                                                              \
        .key = k, .label = l, .description = about, .inputs = list_inputs, .example = sample,      \
        .perform = fn                                                                              \
    }
static const struct action actions[] = {
    {
        .key = "addKey",
        .label = "Add Key/Value to Object",
        .description = "Returns the object with one more property.",
        .inputs = add_key_inputs,
        .example = "{\"id\": 17, \"name\": \"Widget\"}",
        .perform = collection_add_key,
    },
    {
        .key = "addMultipleKeys",
        .label = "Add Multiple Key/Values to Object",
        .description = "Returns the object with more properties.",
        .inputs = add_keys_inputs,
        .example = "{\"id\": 17, \"name\": \"Widget\", \"price\": 2.5}",
        .perform = collection_add_keys,
    },
    {
        .key = "aggregate",
        .label = "Aggregate",
        .description = "Makes one number of a list of numbers.",
        .inputs = aggregate_inputs,
        .example = "42.5",
        .perform = collection_aggregate,
    },
    {
        .key = "append",
        .label = "Append",
        .description = "Returns the list with one more element at its end.",
        .inputs = list_element_inputs,
        .example = "[1, 2, 3]",
        .perform = collection_append,
    },
    {
        .key = "chunks",
        .label = "Chunks",
        .description = "Splits the list into lists of a number of elements each.",
        .inputs = list_number_inputs,
        .example = "[[1, 2], [3]]",
        .perform = collection_chunks,
    },
    {
        .key = "concatenate",
        .label = "Concatenate",
        .description = "Puts two lists together.",
        .inputs = concatenate_inputs,
        .example = "[1, 2, 3, 4]",
        .perform = collection_concatenate,
    },
    {
        .key = "count",
        .label = "Count",
        .description = "Counts how often the element occurs in the list.",
        .inputs = list_element_inputs,
        .example = "2",
        .perform = collection_count,
    },
    {
        .key = "create",
        .label = "Create List",
        .description = "Makes a list of the given items. A single item that is a list is taken "
                       "as the list.",
        .inputs = create_inputs,
        .example = "[\"a\", \"b\"]",
        .perform = collection_create,
    },
    {
        .key = "createObject",
        .label = "Create Object",
        .description = "Makes an object of the given keys and values.",
        .inputs = create_object_inputs,
        .example = "{\"name\": \"Widget\", \"quantity\": 5}",
        .perform = collection_create_object,
    },
    LIST("deduplicate", "De-duplicate", "Returns the list with each element once.", "[1, 2]",
         collection_deduplicate),
    {
        .key = "fieldValueMapping",
        .label = "Field Value Mapping",
        .description = "Returns a list of {key, value}: for each name that both mappings hold, the "
                       "key of the one and the value of the other.",
        .inputs = mapping_inputs,
        .example = "[{\"key\": \"fullName\", \"value\": \"Ada\"}]",
        .perform = collection_field_value_mapping,
    },
    LIST("first", "First", "Returns the first element; nothing when the list is empty.", "1",
         collection_first),
    LIST("flatten", "Flatten", "Makes one list of a list of lists.", "[1, 2, 3]",
         collection_flatten),
    {
        .key = "fromObject",
        .label = "Object to Key Value Pair List",
        .description = "Returns the properties of the object as a list of {key, value}.",
        .inputs = object_inputs,
        .example = "[{\"key\": \"id\", \"value\": 17}]",
        .perform = collection_from_object,
    },
    {
        .key = "groupBy",
        .label = "Group By",
        .description =
            "Returns an object of lists: the elements of the list by the value of a field.",
        .inputs = group_inputs,
        .example = "{\"open\": [{\"id\": 1, \"status\": \"open\"}], \"closed\": [{\"id\": 2, "
                   "\"status\": \"closed\"}]}",
        .perform = collection_group_by,
    },
    {
        .key = "indexOf",
        .label = "Index Of",
        .description =
            "Returns the position of the first occurrence of the element, from 0, or -1.",
        .inputs = list_element_inputs,
        .example = "2",
        .perform = collection_index_of,
    },
    {
        .key = "keys",
        .label = "Keys",
        .description = "Returns the names of the object's properties.",
        .inputs = object_inputs,
        .example = "[\"id\", \"name\"]",
        .perform = collection_keys,
    },
    LIST("last", "Last", "Returns the last element; nothing when the list is empty.", "3",
         collection_last),
    LIST("length", "Length", "Counts the elements of the list.", "3", collection_length),
    {
        .key = "lookup",
        .label = "Look Up",
        .description =
            "Returns the first element whose field has a value; nothing when there is none.",
        .inputs = lookup_inputs,
        .example = "{\"id\": 17, \"name\": \"Widget\"}",
        .perform = collection_lookup,
    },
    {
        .key = "mergeObjects",
        .label = "Merge Objects",
        .description = "Returns an object with the properties of both.",
        .inputs = merge_inputs,
        .example = "{\"id\": 17, \"name\": \"Widget\"}",
        .perform = collection_merge_objects,
    },
    {
        .key = "omitKeys",
        .label = "Omit Keys",
        .description = "Returns the object without some properties.",
        .inputs = object_keys_inputs,
        .example = "{\"id\": 17}",
        .perform = collection_omit_keys,
    },
    {
        .key = "pickKeys",
        .label = "Pick Keys",
        .description = "Returns an object of some of the properties.",
        .inputs = object_keys_inputs,
        .example = "{\"id\": 17, \"name\": \"Widget\"}",
        .perform = collection_pick_keys,
    },
    {
        .key = "remove",
        .label = "Remove",
        .description = "Returns the list without every occurrence of the element.",
        .inputs = list_element_inputs,
        .example = "[1, 3]",
        .perform = collection_remove,
    },
    {
        .key = "removeKey",
        .label = "Remove Key from Object",
        .description = "Returns the object without a property.",
        .inputs = remove_key_inputs,
        .example = "{\"id\": 17}",
        .perform = collection_remove_key,
    },
    {
        .key = "reverse",
        .label = "Reverse",
        .description = "Returns the list from its end to its start.",
        .inputs = list_inputs,
        .example = "[3, 2, 1]",
        .perform = collection_reverse,
    },
    {
        .key = "selectItemFromList",
        .label = "Select Item From List by Index",
        .description = "Returns the item at a position; nothing when there is none.",
        .inputs = index_inputs,
        .example = "2",
        .perform = collection_select,
    },
    {
        .key = "slice",
        .label = "Slice",
        .description = "Returns the elements between two positions.",
        .inputs = slice_inputs,
        .example = "[2, 3]",
        .perform = collection_slice,
    },
    {
        .key = "sortByKey",
        .label = "Sort by Key",
        .description = "Returns the list in the order of a field.",
        .inputs = sort_inputs,
        .example = "[{\"id\": 1, \"price\": 5}, {\"id\": 2, \"price\": 20}]",
        .perform = collection_sort_by_key,
    },
    {
        .key = "takeFirst",
        .label = "Take First",
        .description = "Returns the first elements of the list.",
        .inputs = list_number_inputs,
        .example = "[1]",
        .perform = collection_take_first,
    },
    {
        .key = "takeLast",
        .label = "Take Last",
        .description = "Returns the last elements of the list.",
        .inputs = list_number_inputs,
        .example = "[3]",
        .perform = collection_take_last,
    },
    {
        .key = "toObject",
        .label = "Key Value Pair List to Object",
        .description = "Makes an object of a list of {key, value}.",
        .inputs = to_object_inputs,
        .example = "{\"id\": 17}",
        .perform = collection_to_object,
    },
    {
        .key = "validateJsonSchema",
        .label = "Validate JSON Schema",
        .description = "Checks data against a JSON Schema and tells what does not fit, up to 100 "
                       "errors.",
        .inputs = validate_inputs,
        .example = "{\"valid\": false, \"errors\": [{\"instancePath\": \"/id\", "
                   "\"message\": \"must be of type string and is number\"}]}",
        .perform = collection_validate_json_schema,
    },
    {
        .key = "values",
        .label = "Values",
        .description = "Returns the values of the object's properties.",
        .inputs = object_inputs,
        .example = "[17, \"Widget\"]",
        .perform = collection_values,
    },
    {
        .key = "zip",
        .label = "Zip",
        .description = "Returns a list of pairs: the elements of two lists side by side, with null "
                       "where one is shorter.",
        .inputs = concatenate_inputs,
        .example = "[[1, \"a\"], [2, \"b\"]]",
        .perform = collection_zip,
    },
    {0},
};

const struct component component_collection_tools = {
    .key = "collection-tools",
    .label = "Collection Tools",
    .description = "Common operations on lists and objects.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
