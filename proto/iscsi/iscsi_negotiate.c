/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiation: mine, his, active, by table.
 * REFERENCES. RFC 7143 section 13 (the keys), 6.2 (the rules). */
#include "proto/iscsi/iscsi_negotiate.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum key_kind {
	KEY_LIST, /* the first of his choices that we have */
	KEY_MIN, /* numbers: the smaller; the larger */
	KEY_MAX,
	KEY_AND, /* Yes/No */
	KEY_OR,
	KEY_DECLARE, /* a number he tells, no answer */
};

enum { IN_DISCOVERY = 1, IN_FULL_FEATURE = 2 };

struct key {
	const char *name;
	enum key_kind kind;
	uint32_t low, high; /* what he may say */
	uint32_t mine;
	uint32_t initial; /* the default of the RFC */
	unsigned phases; /* besides the login of a normal session */
	size_t result; /* offset in struct iscsi_params */
	const char *choices[3];
};

#define RESULT(field) offsetof(struct iscsi_params, field)

static const struct key keys[] = {
	{ "HeaderDigest", KEY_LIST, 0, 0, 0, 0, IN_DISCOVERY, RESULT(header_digest), { "None", "CRC32C" } },
	{ "DataDigest", KEY_LIST, 0, 0, 0, 0, IN_DISCOVERY, RESULT(data_digest), { "None", "CRC32C" } },
	{ "MaxRecvDataSegmentLength",
	  KEY_DECLARE,
	  512,
	  16777215,
	  0,
	  8192,
	  IN_DISCOVERY | IN_FULL_FEATURE,
	  RESULT(peer_max_recv),
	  { 0 } },
	{ "MaxBurstLength", KEY_MIN, 512, 16777215, ISCSI_MAX_BURST, 262144, 0, RESULT(max_burst), { 0 } },
	{ "FirstBurstLength", KEY_MIN, 512, 16777215, ISCSI_FIRST_BURST, 65536, 0, RESULT(first_burst), { 0 } },
	{ "InitialR2T", KEY_OR, 0, 0, 0, 1, 0, RESULT(initial_r2t), { 0 } },
	{ "ImmediateData", KEY_AND, 0, 0, 1, 1, 0, RESULT(immediate_data), { 0 } },
	{ "MaxConnections", KEY_MIN, 1, 65535, 1, 1, 0, RESULT(max_connections), { 0 } },
	{ "MaxOutstandingR2T", KEY_MIN, 1, 65535, 1, 1, 0, RESULT(max_r2t), { 0 } },
	{ "ErrorRecoveryLevel", KEY_MIN, 0, 2, 0, 0, IN_DISCOVERY, RESULT(error_recovery), { 0 } },
	{ "DefaultTime2Wait", KEY_MAX, 0, 3600, 2, 2, IN_DISCOVERY, RESULT(time2wait), { 0 } },
	{ "DefaultTime2Retain", KEY_MIN, 0, 3600, 0, 20, IN_DISCOVERY, RESULT(time2retain), { 0 } },
	{ "DataPDUInOrder", KEY_OR, 0, 0, 1, 1, 0, RESULT(pdu_in_order), { 0 } },
	{ "DataSequenceInOrder", KEY_OR, 0, 0, 1, 1, 0, RESULT(sequence_in_order), { 0 } },
	{ "IFMarker", KEY_AND, 0, 0, 0, 0, IN_DISCOVERY, RESULT(if_marker), { 0 } },
	{ "OFMarker", KEY_AND, 0, 0, 0, 0, IN_DISCOVERY, RESULT(of_marker), { 0 } },
	{ "TaskReporting", KEY_LIST, 0, 0, 0, 0, 0, RESULT(task_reporting), { "RFC3720" } },
	{ "iSCSIProtocolLevel", KEY_MIN, 0, 31, 1, 1, IN_DISCOVERY, RESULT(protocol_level), { 0 } },
};
_Static_assert(ARRAY_SIZE(keys) <= 32, "a bit each in `seen`");

static uint32_t *param_of(struct iscsi_params *params, const struct key *key)
{
	return (uint32_t *)(void *)((char *)params + key->result);
}

void iscsi_params_init(struct iscsi_params *params)
{
	memset(params, 0, sizeof *params);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		*param_of(params, &keys[i]) = keys[i].initial;
}

/* Is `item` one of the comma-separated `list`? */
bool iscsi_list_has(const char *list, const char *item)
{
	size_t len = strlen(item);

	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, item, len) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

static bool number_parse(const char *text, uint32_t low, uint32_t high, uint32_t *ret_number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = text + (hex ? 2 : 0);
	unsigned long long value;
	size_t len = strlen(digits);

	if (len == 0 || len > 10 || strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != len)
		return false;
	value = strtoull(digits, NULL, hex ? 16 : 10);
	if (value < low || value > high)
		return false;
	*ret_number = (uint32_t)value;
	return true;
}

/* His first choice that is also one of ours: its index; -1: none. */
static int list_choose(const struct key *key, const char *list)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		for (int c = 0; c < 3 && key->choices[c] != NULL; c++) {
			if (strlen(key->choices[c]) == n && memcmp(list, key->choices[c], n) == 0)
				return c;
		}
		list += n + (list[n] == ',');
	}
	return -1;
}

static void answer_list(struct iscsi_params *params, const struct key *key, const char *value, struct iscsi_text *reply)
{
	int choice = list_choose(key, value);

	iscsi_text_add(reply, key->name, "%s", choice < 0 ? "Reject" : key->choices[choice]);
	if (choice >= 0)
		*param_of(params, key) = (uint32_t)choice;
}

static void answer_bool(struct iscsi_params *params, const struct key *key, const char *value, struct iscsi_text *reply)
{
	bool yes = strcmp(value, "Yes") == 0;
	uint32_t active = key->kind == KEY_AND ? (yes && key->mine != 0) : (yes || key->mine != 0);

	if (!yes && strcmp(value, "No") != 0) {
		iscsi_text_add(reply, key->name, "Reject");
		return;
	}
	iscsi_text_add(reply, key->name, "%s", active ? "Yes" : "No");
	*param_of(params, key) = active;
}

static void answer_number(struct iscsi_params *params, const struct key *key, const char *value,
                          struct iscsi_text *reply)
{
	uint32_t his, active;

	if (!number_parse(value, key->low, key->high, &his)) {
		iscsi_text_add(reply, key->name, "Reject");
		return;
	}
	active = key->kind == KEY_MIN ? MIN_OF(his, key->mine) : key->kind == KEY_MAX ? MAX_OF(his, key->mine) : his;
	*param_of(params, key) = active;
	if (key->kind != KEY_DECLARE)
		iscsi_text_add(reply, key->name, "%u", active);
}

static void key_answer(struct iscsi_params *params, const struct key *key, const char *value, struct iscsi_text *reply)
{
	switch (key->kind) {
	case KEY_LIST: answer_list(params, key, value, reply); break;
	case KEY_AND:
	case KEY_OR: answer_bool(params, key, value, reply); break;
	case KEY_MIN:
	case KEY_MAX:
	case KEY_DECLARE: answer_number(params, key, value, reply); break;
	}
}

int iscsi_negotiate(struct iscsi_params *params, enum iscsi_phase phase, const struct iscsi_pair *pair,
                    struct iscsi_text *reply)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, pair->key) != 0)
			continue;
		if (phase == PHASE_FULL_FEATURE && (keys[i].phases & IN_FULL_FEATURE) == 0) {
			iscsi_text_add(reply, pair->key, "Reject");
			return 0;
		}
		if (phase == PHASE_LOGIN_DISCOVERY && (keys[i].phases & IN_DISCOVERY) == 0) {
			iscsi_text_add(reply, pair->key, "Irrelevant");
			return 0;
		}
		if (phase != PHASE_FULL_FEATURE && (params->seen & 1U << i) != 0)
			return -EEXIST;
		params->seen |= 1U << i;
		key_answer(params, &keys[i], pair->value, reply);
		return 0;
	}
	return -ENOENT;
}

void iscsi_negotiate_declare(struct iscsi_params *params, struct iscsi_text *reply)
{
	if (params->declared)
		return;
	params->declared = true;
	iscsi_text_add(reply, "MaxRecvDataSegmentLength", "%u", ISCSI_MAX_RECV);
}
