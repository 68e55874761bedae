/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/page_batch.h"
#include "fs/file/run.h"

#define LOOKS_MAX 4096U /* a step */

int page_batch_take(struct fs_run *run, struct page_batch *batch, struct inode *source)
{
	int err = file_need_page(run, source, batch->end, &batch->page[batch->n]);

	if (err == 0 || err == -EAGAIN)
		batch->fbn[batch->n++] = batch->end++;
	return err;
}

int page_batch_collect(struct fs_run *run, struct page_batch *batch, struct inode *inode, uint32_t end,
                       page_batch_look *look)
{
	int result = 0;

	vc_assert(batch->n_max <= PAGE_BATCH_MAX);
	for (unsigned n = 0; batch->end < end && batch->n < batch->n_max && n < LOOKS_MAX; n++) {
		uint32_t before = batch->end;
		int err = look(run, inode, batch, end);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err == -EAGAIN)
			result = err;
		if (batch->end == before)
			break; /* an indirect block is missing: nothing further can be named */
	}
	return result;
}
