/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on stdout: tables by libsmartcols, JSON as it came, or names only. */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include "admin/cli/request.h"

/* Show `json`, an answer to `verb`. */
void render_answer(const struct verb *verb, json_t *json, enum cli_output output);
/* Show a job (the answer of work that goes on). */
void render_job(json_t *job, enum cli_output output);

/* A refusal as the server gave it, as JSON on stderr. */
void render_error(json_t *json);

#endif
