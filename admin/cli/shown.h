/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the server made fit for a terminal. */
#ifndef ADMIN_CLI_SHOWN_H
#define ADMIN_CLI_SHOWN_H

#include <jansson.h>

/* A copy in which no string and no key can do anything to a terminal but be read: what is not fit to be seen is escaped
 * (base/text.h). Only a member "report" keeps its line ends. Names of files, initiators and images get into answers,
 * and anybody may have chosen them. */
json_t *shown_copy(json_t *json);

#endif
