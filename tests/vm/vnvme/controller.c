// SPDX-License-Identifier: GPL-2.0-only
/* Registers, doorbells and completions of one controller (NVMe base 1.4, 3.1 and 7.6.2). */

#include <asm/apic.h>
#include <linux/io.h>

#include "vnvme.h"

/* MQES, CQR, TO in units of 500 ms, CSS: NVM command set */
#define CAP ((u64)(QUEUE_ENTRIES - 1) | 1ULL << 16 | 20ULL << 24 | 1ULL << 37)
#define VERSION 0x00010400

static u32 read_register(const struct controller *c, unsigned int at)
{
	return readl(c->bar + at);
}

static void set_csts(struct controller *c, u32 csts)
{
	c->csts = csts;
	writel(csts, c->bar + NVME_REG_CSTS);
}

/* Called before the driver's probe. Only the polling thread touches bar from then on. */
void controller_attach_bar(struct controller *c, resource_size_t address)
{
	void __iomem *bar;

	if (c->bar_address == address)
		return;
	bar = ioremap(address, BAR_SIZE);
	if (!bar)
		return;
	memset_io(bar, 0, BAR_SIZE);
	writel(lower_32_bits(CAP), bar + NVME_REG_CAP);
	writel(upper_32_bits(CAP), bar + NVME_REG_CAP + 4);
	writel(VERSION, bar + NVME_REG_VS);
	/* a vector is masked until the driver sets it up */
	writel(PCI_MSIX_ENTRY_CTRL_MASKBIT, bar + BAR_MSIX_TABLE + PCI_MSIX_ENTRY_VECTOR_CTRL);
	c->bar_address = address;
	smp_store_release(&c->new_bar, bar);
}

void controller_detach_bar(struct controller *c)
{
	if (c->new_bar && c->new_bar != c->bar)
		iounmap(c->new_bar);
	if (c->bar)
		iounmap(c->bar);
	c->bar = c->new_bar = NULL;
}

/*
 * A device's MSI is a write to the local APIC's address range, which a CPU cannot make. An IPI with
 * the same vector to the same CPU is indistinguishable for the driver.
 */
static bool send_msix(struct controller *c)
{
	u32 address, data, control, dest, cpu;

	if (!config_space_msix_enabled(c->node))
		return false;
	control = read_register(c, BAR_MSIX_TABLE + PCI_MSIX_ENTRY_VECTOR_CTRL);
	if (control & PCI_MSIX_ENTRY_CTRL_MASKBIT)
		return false;
	address = read_register(c, BAR_MSIX_TABLE + PCI_MSIX_ENTRY_LOWER_ADDR);
	data = read_register(c, BAR_MSIX_TABLE + PCI_MSIX_ENTRY_DATA);
	dest = address >> 12 & 0xff;
	for_each_online_cpu(cpu) if (apic->calc_dest_apicid(cpu) == dest)
	{
		preempt_disable();
		apic->send_IPI(cpu, data & 0xff);
		preempt_enable();
		return true;
	}
	return false;
}

void controller_complete(struct controller *c, u16 qid, u16 cid, u16 status, u32 result)
{
	struct queue *q = &c->queues[qid];
	struct nvme_completion *entry;

	if (!q->has_cq)
		return;
	entry = (struct nvme_completion *)__va(q->cq_address) + q->cq_tail;
	entry->result.u32 = cpu_to_le32(result);
	entry->sq_head = cpu_to_le16(q->sq_head);
	entry->sq_id = cpu_to_le16(qid);
	entry->command_id = cid;
	/* last, because the phase bit makes it valid */
	smp_wmb();
	WRITE_ONCE(entry->status, cpu_to_le16(status << 1 | q->phase));
	if (++q->cq_tail == q->cq_size) {
		q->cq_tail = 0;
		q->phase = !q->phase;
	}
	c->irq_pending = true;
}

void controller_defer(struct controller *c, ktime_t due, u16 qid, u16 cid)
{
	if (c->n_deferred == ARRAY_SIZE(c->deferred)) {
		controller_complete(c, qid, cid, NVME_SC_INTERNAL, 0);
		return;
	}
	c->deferred[c->n_deferred++] = (struct deferred){
		.due = due,
		.qid = qid,
		.cid = cid,
	};
}

static void complete_due(struct controller *c, ktime_t now)
{
	for (unsigned int i = 0; i < c->n_deferred;) {
		struct deferred d = c->deferred[i];

		if (ktime_before(now, d.due)) {
			i++;
			continue;
		}
		c->deferred[i] = c->deferred[--c->n_deferred];
		controller_complete(c, d.qid, d.cid, NVME_SC_SUCCESS, 0);
	}
}

/* Returns whether there was a command. */
static bool serve_queue(struct controller *c, u16 qid)
{
	struct queue *q = &c->queues[qid];
	u16 tail = read_register(c, BAR_DOORBELLS + 8 * qid);
	bool is_busy = false;

	if (qid == 0 && faults_of(c) & FAULT_NO_ADMIN)
		return false;
	while (q->has_sq && q->sq_head != tail && tail < q->sq_size) {
		struct nvme_command cmd;

		memcpy(&cmd, (struct nvme_command *)__va(q->sq_address) + q->sq_head, sizeof(cmd));
		q->sq_head = (q->sq_head + 1) % q->sq_size;
		is_busy = true;
		if (c->cc & NVME_CC_SHN_MASK) {
			c->n_after_shn++;
			event_add(c, "after-shn", cmd.common.opcode);
			if (faults_of(c) & FAULT_STRICT)
				continue;
		}
		command_execute(c, qid, &cmd);
	}
	return is_busy;
}

static void enable(struct controller *c)
{
	u32 aqa = read_register(c, NVME_REG_AQA);
	struct queue *q = &c->queues[0];

	memset(c->queues, 0, sizeof(c->queues));
	c->n_deferred = 0;
	c->irq_pending = false;
	c->shst_due = c->gone_due = 0;
	memset_io(c->bar + BAR_DOORBELLS, 0, 8 * N_QUEUES);
	q->sq_address = read_register(c, NVME_REG_ASQ) | (u64)read_register(c, NVME_REG_ASQ + 4)
								 << 32;
	q->cq_address = read_register(c, NVME_REG_ACQ) | (u64)read_register(c, NVME_REG_ACQ + 4)
								 << 32;
	q->sq_size = (aqa & 0xfff) + 1;
	q->cq_size = (aqa >> 16 & 0xfff) + 1;
	q->phase = true;
	q->has_sq = q->has_cq = true;
	event_add(c, "enabled", 0);
	set_csts(c, NVME_CSTS_RDY);
}

static void begin_shutdown(struct controller *c, ktime_t now, u32 shn)
{
	u32 faults = faults_of(c), latency = latency_us_of(c);

	c->n_shn++;
	event_add(c, "shn", shn >> NVME_CC_SHN_SHIFT);
	set_csts(c, (c->csts & ~NVME_CSTS_SHST_MASK) | NVME_CSTS_SHST_OCCUR |
			    (faults & FAULT_CFS ? NVME_CSTS_CFS : 0));
	if (faults & FAULT_GONE_DURING)
		c->gone_due = ktime_add_us(now, latency / 2);
	if (!(faults & (FAULT_CFS | FAULT_NEVER)))
		c->shst_due = ktime_add_us(now, latency);
}

static void end_shutdown(struct controller *c)
{
	c->shst_due = 0;
	/* a normal shutdown writes the volatile cache back (NVMe base 1.4, 7.6.2) */
	c->dirty_bytes = 0;
	set_csts(c, (c->csts & ~NVME_CSTS_SHST_MASK) | NVME_CSTS_SHST_CMPLT);
	event_add(c, "shst", 2);
}

/* Returns whether it was written to. */
static bool follow_cc(struct controller *c, ktime_t now)
{
	u32 cc = read_register(c, NVME_REG_CC), old = c->cc;

	if (cc == old)
		return false;
	c->cc = cc;
	if (!(old & NVME_CC_ENABLE) && (cc & NVME_CC_ENABLE))
		enable(c);
	if ((old & NVME_CC_ENABLE) && !(cc & NVME_CC_ENABLE)) {
		c->queues[0].has_sq = c->queues[1].has_sq = false;
		c->shst_due = c->gone_due = 0;
		event_add(c, "disabled", 0);
		set_csts(c, 0);
	}
	if (!(old & NVME_CC_SHN_MASK) && (cc & NVME_CC_SHN_MASK))
		begin_shutdown(c, now, cc & NVME_CC_SHN_MASK);
	return true;
}

/* From now on its configuration space reads as ones, too. */
bool controller_is_gone(const struct controller *c)
{
	return faults_of(c) & FAULT_GONE || READ_ONCE(c->csts) == ~0U;
}

/* Reads of a removed device return all ones; here the memory has to contain them. */
static void stay_gone(struct controller *c)
{
	if (c->csts != ~0U)
		event_add(c, "gone", 0);
	WRITE_ONCE(c->csts, ~0U);
	memset_io(c->bar, 0xff, BAR_DOORBELLS);
}

static bool is_soon(ktime_t due, ktime_t now)
{
	return due && ktime_us_delta(due, now) <= idle_poll_us;
}

bool controller_poll(struct controller *c, ktime_t now)
{
	void __iomem *bar = smp_load_acquire(&c->new_bar);
	bool is_busy;

	if (bar != c->bar) {
		if (c->bar)
			iounmap(c->bar);
		c->bar = bar;
		c->cc = c->csts = 0;
	}
	if (!c->bar)
		return false;
	if (faults_of(c) & FAULT_GONE || (c->gone_due && !ktime_before(now, c->gone_due))) {
		stay_gone(c);
		return false;
	}
	is_busy = follow_cc(c, now);
	if (c->shst_due && !ktime_before(now, c->shst_due))
		end_shutdown(c);
	for (u16 qid = 0; qid < N_QUEUES; qid++)
		if (c->queues[qid].has_sq)
			is_busy |= serve_queue(c, qid);
	if (c->n_deferred > 0)
		complete_due(c, now);
	if (c->irq_pending && send_msix(c))
		c->irq_pending = false;
	return is_busy || c->irq_pending || is_soon(c->shst_due, now) || is_soon(c->gone_due, now);
}
