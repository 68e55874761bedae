/* SPDX-License-Identifier: Apache-2.0 */
/* LUN numbers: who has which one, and which are free for every initiator of an igroup.
 *
 * THEORY. A number belongs to an initiator, not to an igroup: igroups that have an initiator in common (overlap.h)
 * share their numbers. Where two LUNs have one number all the same (igroups of a volume from elsewhere, or as older
 * versions allowed), both are served, an initiator of both igroups sees one of them, and the maps say "hidden".
 * A number that was another LUN's since the server started is not given away by itself while others are left: sessions
 * may remember it. */
#ifndef ADMIN_LUNNUMBER_H
#define ADMIN_LUNNUMBER_H

#include "admin/san.h"

#define LUNNUMBER_MAX 255U

/* Another LUN than `lun` under that number for an initiator of `igroup` (its place in san->igroups), and its map,
 * borrowed from the picture; NULL: the number is free. */
const struct san_lun *lunnumber_holder(const struct san *san, const struct overlap *overlap, size_t igroup,
                                       uint32_t number, const struct uuid *lun, json_t **ret_map);
/* The number to give to `lun` for `igroup`; -EBUSY: none is free. */
MUST_CHECK int lunnumber_choose(const struct san *san, size_t igroup, const struct uuid *lun, uint32_t *ret_number);
/* Two LUNs that would have one number when the igroups were `igroups` (the same ones, with other initiators), and have
 * not now: a map of `igroup` and the other LUN's. False: there are none. */
bool lunnumber_would_clash(const struct san *san, json_t *igroups, size_t igroup, const struct san_lun **ret_lun,
                           const struct san_lun **ret_other, uint32_t *ret_number);
/* Remember who has which number: after each painting. */
void lunnumber_remember(struct san *san);

#endif
