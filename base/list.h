/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive lists (libbsd's sys/queue.h: TAILQ, STAILQ, LIST with the _SAFE walks) and the macros everybody needs. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <bsd/sys/queue.h>
#include <stddef.h>

/* clang-format off */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
#define DIV_UP(n, d) (((n) + (d) - 1) / (d))
#define ROUND_UP(n, d) (DIV_UP(n, d) * (d))
/* clang-format on */

#endif
