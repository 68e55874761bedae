/* SPDX-License-Identifier: Apache-2.0 */
/* A set of VBNs: what a consistency point has freed, asked for every block it places. */
#ifndef FS_VBNSET_H
#define FS_VBNSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: empty. */
struct vbn_set {
	uint32_t *slots; /* open addressing; VBN_HOLE: free */
	size_t n, n_slots;
};

/* `vbn` is none of the special ones. 8 to 16 bytes of memory a VBN. */
void vbn_set_add(struct vbn_set *set, uint32_t vbn);
bool vbn_set_has(const struct vbn_set *set, uint32_t vbn);
/* Empty again; gives back what only a large set needs. */
void vbn_set_clear(struct vbn_set *set);
void vbn_set_fini(struct vbn_set *set);

#endif
