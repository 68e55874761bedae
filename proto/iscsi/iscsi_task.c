/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of a connection: in use, found by their tags; or idle, kept for the next command. */
#include "proto/iscsi/iscsi_task.h"

#include <stdlib.h>

#include "proto/iscsi/iscsi_conn.h"

unsigned iscsi_task_bucket(uint32_t itt)
{
	return (itt ^ itt >> 8 ^ itt >> 16) % ISCSI_BUCKETS;
}

struct iscsi_task *iscsi_task_find(struct iscsi_conn *conn, uint32_t itt)
{
	struct iscsi_task *task;

	LIST_FOREACH(task, &conn->buckets[iscsi_task_bucket(itt)], bucket_link) {
		if (task->itt == itt)
			return task;
	}
	return NULL;
}

/* One more task in a free slot, or NULL. */
static struct iscsi_task *task_new(struct iscsi_conn *conn)
{
	struct iscsi_task *task;
	uint32_t slot = 0;

	while (slot < ISCSI_SLOTS && conn->slots[slot] != NULL)
		slot++;
	task = slot < ISCSI_SLOTS ? calloc(1, sizeof *task) : NULL;
	if (task == NULL)
		return NULL;
	budget_charge(conn->account, sizeof *task);
	scsi_task_init(&task->scsi);
	task->conn = conn;
	task->slot = slot;
	conn->slots[slot] = task;
	return task;
}

static void task_delete(struct iscsi_task *task)
{
	struct iscsi_conn *conn = task->conn;

	conn->slots[task->slot] = NULL;
	scsi_task_fini(&task->scsi);
	free(task);
	budget_give(conn->account, sizeof *task);
}

struct iscsi_task *iscsi_task_take(struct iscsi_conn *conn)
{
	struct iscsi_task *task = TAILQ_FIRST(&conn->idle);

	if (task == NULL)
		return task_new(conn);
	TAILQ_REMOVE(&conn->idle, task, link);
	conn->n_idle--;
	return task;
}

void iscsi_task_trim(struct iscsi_conn *conn, unsigned keep)
{
	struct iscsi_task *task;

	while (conn->n_idle > keep && (task = TAILQ_LAST(&conn->idle, iscsi_task_list)) != NULL) {
		TAILQ_REMOVE(&conn->idle, task, link);
		conn->n_idle--;
		task_delete(task);
	}
}
