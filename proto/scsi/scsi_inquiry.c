/* SPDX-License-Identifier: Apache-2.0 */
/* INQUIRY: who we are, and the vital product data.
 * REFERENCES. SPC-4 6.6, 7.8; SBC-3 6.5 (pages B0, B1, B2); IEEE 802c-2017 (structured local address plan). */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/scsi/scsi_opcode.h"
#include "proto/scsi/scsi_task.h"

#define INQUIRY_VENDOR "VCSTORE " /* 8 */
#define INQUIRY_PRODUCT "LUN             " /* 16 */
#define INQUIRY_REVISION "0001" /* 4 */
#define INQUIRY_STANDARD_LEN 96U
#define QUALIFIER_NO_DEVICE 0x7FU /* no device here, nor can there be one */

static void put16(uint8_t *at, uint32_t value)
{
	be16 v = be16_of((uint16_t)value);

	memcpy(at, &v, sizeof v);
}

static void put32(uint8_t *at, uint32_t value)
{
	be32 v = be32_of(value);

	memcpy(at, &v, sizeof v);
}

static uint32_t inquiry_standard(struct scsi_task *task, uint8_t *p)
{
	static const uint16_t versions[] = { 0x00A0 /* SAM-5 */, 0x0960 /* iSCSI */, 0x0460 /* SPC-4 */,
		                             0x04C0 /* SBC-3 */ };

	p[0] = task->lun == NULL ? QUALIFIER_NO_DEVICE : 0;
	p[2] = 0x06; /* SPC-4 */
	p[3] = 0x12; /* HISUP, response data format 2 */
	p[4] = INQUIRY_STANDARD_LEN - 5U;
	p[7] = 0x02; /* CMDQUE */
	memcpy(p + 8, INQUIRY_VENDOR, 8);
	memcpy(p + 16, INQUIRY_PRODUCT, 16);
	memcpy(p + 32, INQUIRY_REVISION, 4);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		put16(p + 58 + 2 * i, versions[i]);
	return INQUIRY_STANDARD_LEN;
}

static uint32_t vpd_serial(struct scsi_task *task, uint8_t *p)
{
	size_t len = strlen(scsi_task_lu(task)->serial);

	memcpy(p, scsi_task_lu(task)->serial, len);
	return (uint32_t)len;
}

/* One designation descriptor; returns its length. */
static uint32_t designator(uint8_t *p, uint8_t code_set, uint8_t association_type, const void *bytes, size_t len)
{
	p[0] = (uint8_t)(0x50U | code_set); /* protocol: iSCSI; valid with PIV, which only the port designators set */
	p[1] = association_type;
	if ((association_type & 0x30U) == 0)
		p[0] = code_set;
	p[3] = (uint8_t)len;
	memcpy(p + 4, bytes, len);
	return (uint32_t)len + 4U;
}

enum { CODE_BINARY = 1, CODE_ASCII = 2, CODE_UTF8 = 3 };
enum {
	TYPE_T10 = 1,
	TYPE_NAA = 3,
	TYPE_PORT = 4,
	TYPE_NAME = 8,
	TYPE_UUID = 10,
	OF_PORT = 0x90 /* PIV, association target port */
};

/* NAA 6, IEEE Registered Extended: 4 bits, a company id of 24, 100 of ours: the last 100 of the LUN's UUID, of which 94
 * are random at least. The project has no company id, so this one (02-56-43) is taken from those that IEEE 802c leaves
 * to local administration (first octet ending in binary 0010): no company has it, and whoever compares designators by
 * all 128 bits finds no two alike. */
#define NAA_SIZE 16U
static void naa_encode(const struct uuid *uuid, uint8_t naa[NAA_SIZE])
{
	memcpy(naa, uuid->b, NAA_SIZE);
	naa[0] = 0x60;
	naa[1] = 0x25;
	naa[2] = 0x64;
	naa[3] = (uint8_t)(0x30U | (naa[3] & 0x0FU));
}

static uint32_t vpd_identification(struct scsi_task *task, uint8_t *p)
{
	const struct scsi_lu *lu = scsi_task_lu(task);
	static const uint8_t port[4] = { 0, 0, 0, 1 };
	uint8_t naa[NAA_SIZE], uuid[18] = { 0x10, 0 };
	char t10[8 + sizeof lu->serial], name[244];
	uint32_t n = 0;

	naa_encode(&lu->uuid, naa);
	n += designator(p + n, CODE_BINARY, TYPE_NAA, naa, sizeof naa);
	memcpy(uuid + 2, lu->uuid.b, sizeof lu->uuid.b);
	n += designator(p + n, CODE_BINARY, TYPE_UUID, uuid, sizeof uuid);
	snprintf(t10, sizeof t10, INQUIRY_VENDOR "%s", lu->serial);
	n += designator(p + n, CODE_ASCII, TYPE_T10, t10, strlen(t10));
	n += designator(p + n, CODE_BINARY, OF_PORT | TYPE_PORT, port, sizeof port);
	memset(name, 0, sizeof name);
	snprintf(name, sizeof name, "%s", task->nexus->port_name);
	n += designator(p + n, CODE_UTF8, OF_PORT | TYPE_NAME, name, ROUND_UP(strlen(name) + 1, 4));
	return n;
}

static uint32_t vpd_block_limits(struct scsi_task *task, uint8_t *p)
{
	(void)task;
	p[0] = 0x01; /* WSNZ; offsets here are those of SBC less 4 */
	put16(p + 2, 1U << SCSI_PHYSICAL_EXPONENT); /* optimal granularity */
	put32(p + 4, SCSI_TRANSFER_BLOCKS_MAX);
	put32(p + 8, SCSI_TRANSFER_BLOCKS_OPTIMAL);
	put32(p + 16, SCSI_UNMAP_BLOCKS_MAX);
	put32(p + 20, SCSI_UNMAP_DESCRIPTORS_MAX);
	put32(p + 24, 1U << SCSI_PHYSICAL_EXPONENT); /* unmap granularity */
	put32(p + 28, 0x80000000U); /* aligned at 0 */
	put32(p + 36, SCSI_WRITE_SAME_BLOCKS_MAX);
	return 0x3C;
}

static uint32_t vpd_characteristics(struct scsi_task *task, uint8_t *p)
{
	(void)task;
	put16(p, 1); /* no seek to plan for: what is near in the LUN need not be near on a disk */
	return 0x3C;
}

static uint32_t vpd_provisioning(struct scsi_task *task, uint8_t *p)
{
	bool thin = !atomic_load(&scsi_task_lu(task)->reserved);

	p[0] = thin ? SCSI_THRESHOLD_EXPONENT : 0;
	p[1] = 0xE4; /* LBPU, LBPWS, LBPWS10, LBPRZ */
	p[2] = thin ? 2 : 1; /* thin; resource provisioned */
	return 4;
}

static uint32_t vpd_pages(struct scsi_task *task, uint8_t *p);

static const struct {
	uint8_t code;
	uint32_t (*build)(struct scsi_task *task, uint8_t *p); /* from byte 4 on; returns the page length */
} vpds[] = {
	{ 0x00, vpd_pages },        { 0x80, vpd_serial },          { 0x83, vpd_identification },
	{ 0xB0, vpd_block_limits }, { 0xB1, vpd_characteristics }, { 0xB2, vpd_provisioning },
};

static uint32_t vpd_pages(struct scsi_task *task, uint8_t *p)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(vpds) && (task->lun != NULL || i == 0); i++)
		p[n++] = vpds[i].code;
	return n;
}

/* The whole page; 0: there is no such page. */
static uint32_t inquiry_vpd(struct scsi_task *task, uint8_t *p)
{
	uint8_t code = task->cdb[2];

	for (size_t i = 0; i < ARRAY_SIZE(vpds); i++) {
		uint32_t len;

		if (vpds[i].code != code || (task->lun == NULL && code != 0))
			continue;
		p[0] = task->lun == NULL ? QUALIFIER_NO_DEVICE : 0;
		p[1] = code;
		len = vpds[i].build(task, p + 4);
		put16(p + 2, len);
		return len + 4;
	}
	return 0;
}

void scsi_inquiry_run(struct scsi_task *task)
{
	uint32_t allocation = (uint32_t)task->cdb[3] << 8 | task->cdb[4], len = 0;
	bool evpd = (task->cdb[1] & 1U) != 0;
	uint8_t *p;

	if ((task->cdb[1] & 0xFEU) != 0 || (!evpd && task->cdb[2] != 0)) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	p = scsi_task_param(task);
	if (p == NULL)
		return;
	len = evpd ? inquiry_vpd(task, p) : inquiry_standard(task, p);
	if (len == 0)
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	else
		scsi_task_finish_param(task, len, allocation);
}
