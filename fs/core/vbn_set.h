/* SPDX-License-Identifier: Apache-2.0 */
/* Many VBNs: a set (what a consistency point has freed, asked for every block it places) and a vector. */
#ifndef FS_VBN_SET_H
#define FS_VBN_SET_H

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

/* A growing vector of VBNs. All zero: empty. */
struct vbn_vector {
	uint32_t *vbns; /* malloc */
	size_t n, n_max;
};
void vbn_push(struct vbn_vector *vector, uint32_t vbn);

#endif
