// SPDX-License-Identifier: GPL-2.0-only
/* The data of the namespaces: a page is allocated when it is first written to. */

#include <linux/gfp.h>
#include <linux/mm.h>

#include "vnvme.h"

static void *page_of(struct controller *c, u64 offset, bool make)
{
	unsigned long index = offset >> PAGE_SHIFT;
	void *page = xa_load(&c->store, index);

	if (page || !make)
		return page;
	page = (void *)get_zeroed_page(GFP_KERNEL);
	if (page && xa_err(xa_store(&c->store, index, page, GFP_KERNEL))) {
		free_page((unsigned long)page);
		return NULL;
	}
	return page;
}

int store_write(struct controller *c, u64 offset, const void *data, size_t size)
{
	while (size > 0) {
		size_t at = offset_in_page(offset), part = min_t(size_t, size, PAGE_SIZE - at);
		void *page = page_of(c, offset, true);

		if (!page)
			return -ENOMEM;
		memcpy(page + at, data, part);
		offset += part;
		data += part;
		size -= part;
	}
	return 0;
}

void store_read(struct controller *c, u64 offset, void *data, size_t size)
{
	while (size > 0) {
		size_t at = offset_in_page(offset), part = min_t(size_t, size, PAGE_SIZE - at);
		const void *page = page_of(c, offset, false);

		if (page)
			memcpy(data, page + at, part);
		else
			memset(data, 0, part);
		offset += part;
		data += part;
		size -= part;
	}
}

void store_free(struct controller *c)
{
	unsigned long index;
	void *page;

	xa_for_each(&c->store, index, page) free_page((unsigned long)page);
	xa_destroy(&c->store);
}
