// SPDX-License-Identifier: GPL-2.0-only
/* Admin and I/O commands: only those that the stock driver and nvme-cli send. */

#include <linux/kernel.h>

#include "vnvme.h"

#define LBA_SHIFT 9
#define MDTS 5 /* 32 pages, so that one page of a PRP list is always enough */

static u64 namespace_size(void)
{
	return (u64)ns_mib << 20;
}

typedef int (*page_function)(struct controller *c, u64 offset, void *data, size_t size);

static int page_in(struct controller *c, u64 offset, void *data, size_t size)
{
	return store_write(c, offset, data, size);
}

static int page_out(struct controller *c, u64 offset, void *data, size_t size)
{
	store_read(c, offset, data, size);
	return 0;
}

/* Walks the PRP entries of a command (NVMe base 1.4, 4.3). */
static int for_each_page(struct controller *c, const struct nvme_command *cmd, u64 offset,
			 size_t size, page_function function)
{
	u64 prp = le64_to_cpu(cmd->common.dptr.prp1), prp2 = le64_to_cpu(cmd->common.dptr.prp2);
	size_t part = min_t(size_t, size, PAGE_SIZE - offset_in_page(prp));
	const __le64 *list;
	int r;

	r = function(c, offset, __va(prp), part);
	offset += part;
	size -= part;
	list = size > PAGE_SIZE ? __va(prp2) : NULL;
	while (r == 0 && size > 0) {
		prp = list ? le64_to_cpu(*list++) : prp2;
		part = min_t(size_t, size, PAGE_SIZE);
		r = function(c, offset, __va(prp), part);
		offset += part;
		size -= part;
	}
	return r;
}

static void pad(char *target, size_t size, const char *format, unsigned int index)
{
	char text[64];

	memset(target, ' ', size);
	memcpy(target, text, min_t(size_t, size, snprintf(text, sizeof(text), format, index)));
}

static void identify_controller(struct controller *c, struct nvme_id_ctrl *id)
{
	id->vid = id->ssvid = cpu_to_le16(0x1234);
	pad(id->sn, sizeof(id->sn), "VNVME%03u", c->index);
	pad(id->mn, sizeof(id->mn), "vnvme", 0);
	pad(id->fr, sizeof(id->fr), "1", 0);
	id->mdts = MDTS;
	id->cntlid = cpu_to_le16(c->index + 1);
	id->ver = cpu_to_le32(0x00010400);
	id->rtd3e = cpu_to_le32(rtd3e_us_of(c));
	id->cntrltype = 1;
	/* as in servers' drives; nvme_core.multipath_always_on gives no head to a namespace
	 * without it */
	id->oacs = cpu_to_le16(NVME_CTRL_OACS_NS_MNGT_SUPP);
	id->aerl = 3;
	id->frmw = 1 << 1;
	id->elpe = 3;
	id->sqes = 0x66;
	id->cqes = 0x44;
	id->nn = cpu_to_le32(1);
	id->vwc = has_cache(c);
	snprintf(id->subnqn, sizeof(id->subnqn), "nqn.2026-11.vnvme:%03u", c->index);
	id->psd[0].max_power = cpu_to_le16(100);
}

static void identify_namespace(struct nvme_id_ns *id)
{
	id->nsze = id->ncap = id->nuse = cpu_to_le64(namespace_size() >> LBA_SHIFT);
	id->lbaf[0].ds = LBA_SHIFT;
}

/* One descriptor: an EUI-64 that no other controller has (NVMe base 1.4, figure 249). */
static void identify_descriptors(const struct controller *c, u8 *data)
{
	data[0] = NVME_NIDT_EUI64;
	data[1] = NVME_NIDT_EUI64_LEN;
	data[4] = 0x02;
	data[10] = c->index >> 8;
	data[11] = c->index;
}

/* One thread serves all controllers, so one buffer is enough. */
static u8 answer[PAGE_SIZE];

static int copy_answer(struct controller *c, u64 offset, void *data, size_t size)
{
	memcpy(data, answer + offset, size);
	return 0;
}

static u16 identify(struct controller *c, const struct nvme_command *cmd)
{
	u32 nsid = le32_to_cpu(cmd->identify.nsid);

	memset(answer, 0, sizeof(answer));
	switch (cmd->identify.cns) {
	case NVME_ID_CNS_CTRL:
		identify_controller(c, (struct nvme_id_ctrl *)answer);
		break;
	case NVME_ID_CNS_NS:
		if (nsid == 1)
			identify_namespace((struct nvme_id_ns *)answer);
		break;
	case NVME_ID_CNS_NS_ACTIVE_LIST:
		if (nsid < 1)
			answer[0] = 1;
		break;
	case NVME_ID_CNS_NS_DESC_LIST:
		identify_descriptors(c, answer);
		break;
	default:
		return NVME_SC_INVALID_FIELD;
	}
	for_each_page(c, cmd, 0, sizeof(answer), copy_answer);
	return NVME_SC_SUCCESS;
}

static u16 create_queue(struct controller *c, const struct nvme_command *cmd, bool is_sq)
{
	u16 qid = le16_to_cpu(cmd->create_sq.sqid), size = le16_to_cpu(cmd->create_sq.qsize) + 1;
	u64 address = le64_to_cpu(cmd->create_sq.prp1);
	struct queue *q;

	if (qid != 1 || size > QUEUE_ENTRIES)
		return NVME_SC_QID_INVALID;
	q = &c->queues[qid];
	if (is_sq) {
		q->sq_address = address;
		q->sq_size = size;
		q->sq_head = 0;
		writel(0, c->bar + BAR_DOORBELLS + 8 * qid);
		q->has_sq = true;
	} else {
		q->cq_address = address;
		q->cq_size = size;
		q->cq_tail = 0;
		q->phase = true;
		q->has_cq = true;
	}
	return NVME_SC_SUCCESS;
}

static u16 delete_queue(struct controller *c, const struct nvme_command *cmd, bool is_sq)
{
	if (le16_to_cpu(cmd->delete_queue.qid) != 1)
		return NVME_SC_QID_INVALID;
	if (is_sq)
		c->queues[1].has_sq = false;
	else
		c->queues[1].has_cq = false;
	return NVME_SC_SUCCESS;
}

/* Nothing is ever logged: every page is zero. */
static u16 get_log_page(struct controller *c, const struct nvme_command *cmd)
{
	u32 dwords = le16_to_cpu(cmd->get_log_page.numdl) + 1;

	if (4 * dwords > sizeof(answer))
		return NVME_SC_INVALID_FIELD;
	memset(answer, 0, sizeof(answer));
	for_each_page(c, cmd, 0, 4 * (size_t)dwords, copy_answer);
	return NVME_SC_SUCCESS;
}

static void execute_admin(struct controller *c, const struct nvme_command *cmd)
{
	u16 status = NVME_SC_SUCCESS;
	u32 result = 0;

	switch (cmd->common.opcode) {
	case nvme_admin_identify:
		status = identify(c, cmd);
		break;
	case nvme_admin_create_sq:
	case nvme_admin_create_cq:
		status = create_queue(c, cmd, cmd->common.opcode == nvme_admin_create_sq);
		break;
	case nvme_admin_delete_sq:
	case nvme_admin_delete_cq:
		status = delete_queue(c, cmd, cmd->common.opcode == nvme_admin_delete_sq);
		break;
	case nvme_admin_get_log_page:
		status = get_log_page(c, cmd);
		break;
	case nvme_admin_async_event:
		return; /* never completed: there are no events to report */
	case nvme_admin_set_features:
	case nvme_admin_get_features:
		/* Number of Queues: one each, counted from zero; the others are ignored */
	case nvme_admin_abort_cmd:
	case nvme_admin_keep_alive:
		break;
	default:
		status = NVME_SC_INVALID_OPCODE;
	}
	controller_complete(c, 0, cmd->common.command_id, status, result);
}

static void flush(struct controller *c, const struct nvme_command *cmd)
{
	u64 us = has_cache(c) ? flush_us_of(c) : 0;

	event_add(c, "flush", c->dirty_bytes >> 10);
	c->dirty_bytes = 0;
	controller_defer(c, ktime_add_us(ktime_get(), us), 1, cmd->common.command_id);
}

static void execute_io(struct controller *c, const struct nvme_command *cmd)
{
	u64 offset = le64_to_cpu(cmd->rw.slba) << LBA_SHIFT;
	size_t size = ((size_t)le16_to_cpu(cmd->rw.length) + 1) << LBA_SHIFT;
	u16 status = NVME_SC_SUCCESS;

	switch (cmd->common.opcode) {
	case nvme_cmd_flush:
		flush(c, cmd);
		return;
	case nvme_cmd_read:
	case nvme_cmd_write:
		if (offset + size > namespace_size() || size > PAGE_SIZE << MDTS)
			status = NVME_SC_LBA_RANGE;
		else if (for_each_page(c, cmd, offset, size,
				       cmd->common.opcode == nvme_cmd_write ? page_in : page_out) <
			 0)
			status = NVME_SC_INTERNAL;
		else if (cmd->common.opcode == nvme_cmd_write && has_cache(c) &&
			 !(le16_to_cpu(cmd->rw.control) & NVME_RW_FUA))
			c->dirty_bytes += size;
		break;
	default:
		status = NVME_SC_INVALID_OPCODE;
	}
	controller_complete(c, 1, cmd->common.command_id, status, 0);
}

void command_execute(struct controller *c, u16 qid, const struct nvme_command *cmd)
{
	if (qid == 0)
		execute_admin(c, cmd);
	else
		execute_io(c, cmd);
}
