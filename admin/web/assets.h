/* SPDX-License-Identifier: Apache-2.0 */
/* The web page's files, built into the daemon (admin/web/embed.sh makes the array). */
#ifndef ADMIN_ASSETS_H
#define ADMIN_ASSETS_H

#include <stddef.h>

struct asset {
	const char *path; /* "/app.js" */
	const char *type;
	const unsigned char *bytes;
	size_t len_bytes;
};
extern const struct asset assets[];
extern const size_t assets_count;

#endif
