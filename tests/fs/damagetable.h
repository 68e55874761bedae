/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of names and vdisks (damagetable_names.c), for the list of all (damagetable.c). */
#ifndef TESTS_DAMAGETABLE_H
#define TESTS_DAMAGETABLE_H

#include "tests/fs/damagefield.h"

extern const struct damage_structure damage_dir_head, damage_dir_entry, damage_dir_index, damage_dir_bucket,
    damage_dir_free;
extern const struct damage_structure damage_stream, damage_vtoc_record, damage_vtoc_head, damage_attributes,
    damage_state, damage_backing;
/* Those of a volume at work (damagetable_busy.c). */
extern const struct damage_structure damage_clone, damage_clone_progress, damage_zombie;

/* The value of an attribute of a vdisk; the seal of all of them. */
struct damage_place damage_attribute_of(struct cb_raw *raw, uint32_t lun, unsigned type);
void damage_attributes_seal(uint8_t *block, uint8_t *record);

#endif
