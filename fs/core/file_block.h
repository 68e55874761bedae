/* SPDX-License-Identifier: Apache-2.0 */
/* What is at a block of a file, beside its bytes. */
#ifndef FS_FILE_BLOCK_H
#define FS_FILE_BLOCK_H

enum file_block {
	FILE_BLOCK_HOLE, /* nothing of the file's own: zeros, or what the backing store has there */
	FILE_BLOCK_ZERO, /* explicit zeros: the backing store does not show through */
	FILE_BLOCK_DATA
};

#endif
