/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of operations, a table a subject; the last row has no name. */
#ifndef TESTS_CRASH_OPS_H
#define TESTS_CRASH_OPS_H

#include "tests/crash/history.h"

extern const struct op_kind ops_file[], ops_name[], ops_lun[], ops_volume[];

/* A file or LUN drawn among those a change of data may be sent to; NOBODY: none. */
uint8_t ops_data_object(struct history *h, enum object_kind kind);
/* The content of documents and symlinks: a function of the stamp. */
uint32_t ops_doc_len(uint64_t stamp);
void ops_doc_fill(uint8_t *bytes, uint64_t stamp);
void ops_target_fill(char *target, unsigned len);

#endif
