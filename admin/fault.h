/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as administrators see them: errno -> HTTP status, code and sentence. The only such table. */
#ifndef ADMIN_FAULT_H
#define ADMIN_FAULT_H

struct fault {
	int err; /* positive errno */
	int http_status;
	const char *code; /* {"error": {"code": ...}} */
	const char *text;
};

/* Never NULL: unknown errors are "internal", 500. `err` as returned: negative. */
const struct fault *fault_of(int err);
/* The HTTP status of a code; 500: not known. */
int fault_status_of(const char *code);
/* The standard reason phrase of a status this server sends. */
const char *fault_reason(int http_status);

#endif
