/* SPDX-License-Identifier: Apache-2.0 */
/* Damage to the disks of a volume as whoever made the image could have done it: any field of any structure takes any
 * value, and every checksum, parity and copy is made to fit. Nothing is opened for it, so what a crash left stays as it
 * is. */
#ifndef TESTS_IMAGEDAMAGE_H
#define TESTS_IMAGEDAMAGE_H

#include "tests/fs/damagefield.h"

/* Where the fields are, of the last consistency point: to be called while that is on the disks, on the mounted volume
 * or the unmounted disks. */
void image_spots_find(struct fsbox *box, bool busy);
/* One piece of damage, chosen by *io_seed; what it was goes to `what`. */
void image_damage(struct fsbox *box, uint64_t *io_seed, char *what, size_t size);

/* Add to the generation in the head of the newest root, on all disks. */
void image_root_generation(struct fsbox *box, uint64_t add);

#endif
