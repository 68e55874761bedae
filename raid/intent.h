/* SPDX-License-Identifier: Apache-2.0 */
/* Stripe intents: which stripes are about to change, durable on some disks of the group before they change
 * (intent.c tells why).
 *
 * WRITE PATH  previous hop raid_piece.c; next hop batch.h, and back to piece_intent_done. */
#ifndef RAID_INTENT_H
#define RAID_INTENT_H

#include "raid/raid_group.h"

struct piece;

MUST_CHECK int intent_group_init(struct raid *raid, struct raid_group *g);
/* Write the record of this piece into piece->intent_bytes, and count its blocks. */
void intent_encode(struct piece *piece);
/* Make the record durable on one member of the group more than it may lose, as far as it has them. piece_intent_done is
 * called when it is, or when it cannot be. */
void intent_write(struct piece *piece);
/* Is this stripe under an intent that is not released? Then a second write of it waits for a flush. */
bool intent_stripe_outstanding(const struct raid_group *g, uint32_t dbn);
void intent_stripe_add(struct raid_group *g, uint32_t dbn);
/* Call `see` for each of those. */
void intent_each_outstanding(const struct raid_group *g, void (*see)(void *arg, uint32_t dbn), void *arg);
/* A flush has made everything durable that the intents are about: their slots are free. */
void intent_release_all(struct raid *raid);

#endif
