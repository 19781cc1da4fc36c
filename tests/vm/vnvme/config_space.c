// SPDX-License-Identifier: GPL-2.0-only
/* PCI configuration space of ports and controllers, in memory. */

#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h> /* 6.12 */
#else
#include <asm/unaligned.h>
#endif

#include "vnvme.h"

#define CAP_PCIE 0x70
#define VENDOR 0x1234 /* used by test devices only */

static void set16(struct pci_node *node, unsigned int at, u16 value, u16 writable)
{
	put_unaligned_le16(value, node->config + at);
	put_unaligned_le16(writable, node->writable + at);
}

static void set32(struct pci_node *node, unsigned int at, u32 value, u32 writable)
{
	put_unaligned_le32(value, node->config + at);
	put_unaligned_le32(writable, node->writable + at);
}

static void init_pcie_capability(struct pci_node *node)
{
	static const u8 types[] = {
		[NODE_ROOT_PORT] = PCI_EXP_TYPE_ROOT_PORT,
		[NODE_UPSTREAM] = PCI_EXP_TYPE_UPSTREAM,
		[NODE_DOWNSTREAM] = PCI_EXP_TYPE_DOWNSTREAM,
		[NODE_CONTROLLER] = PCI_EXP_TYPE_ENDPOINT,
	};

	node->config[CAP_PCIE] = PCI_CAP_ID_EXP;
	set16(node, CAP_PCIE + PCI_EXP_FLAGS, 2 | types[node->kind] << 4, 0);
	set16(node, CAP_PCIE + PCI_EXP_DEVCTL, 0, 0x7fff);
	set16(node, CAP_PCIE + PCI_EXP_LNKCTL, 0, 0x0fff);
	set32(node, CAP_PCIE + PCI_EXP_LNKCAP, 0x41, 0); /* x4, 2.5 GT/s */
	set16(node, CAP_PCIE + PCI_EXP_LNKSTA, 0x41, 0);
}

static void init_controller(struct pci_node *node)
{
	set32(node, PCI_CLASS_REVISION, PCI_CLASS_STORAGE_EXPRESS << 8 | 1, 0);
	set16(node, PCI_DEVICE_ID, 0xf001, 0);
	set32(node, PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_MEM_TYPE_64, ~(u32)(BAR_SIZE - 1));
	set32(node, PCI_BASE_ADDRESS_1, 0, ~0U);
	set16(node, PCI_SUBSYSTEM_VENDOR_ID, VENDOR, 0);
	node->config[PCI_CAPABILITY_LIST] = CAP_MSIX;

	node->config[CAP_MSIX] = PCI_CAP_ID_MSIX;
	node->config[CAP_MSIX + 1] = CAP_PCIE;
	/* one vector, in BAR 0 */
	set16(node, CAP_MSIX + PCI_MSIX_FLAGS, 0, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	set32(node, CAP_MSIX + PCI_MSIX_TABLE, BAR_MSIX_TABLE, 0);
	set32(node, CAP_MSIX + PCI_MSIX_PBA, BAR_MSIX_PBA, 0);
}

static void init_port(struct pci_node *node)
{
	set32(node, PCI_CLASS_REVISION, PCI_CLASS_BRIDGE_PCI_NORMAL << 8, 0);
	set16(node, PCI_DEVICE_ID, 0xf010 + node->kind, 0);
	node->config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	set32(node, PCI_PRIMARY_BUS, 0, 0x00ffffff);
	/* no I/O window; memory windows in steps of 1 MiB */
	set32(node, PCI_MEMORY_BASE, 0, 0xfff0fff0);
	set16(node, PCI_BRIDGE_CONTROL, 0, 0x0fff);
	node->config[PCI_CAPABILITY_LIST] = CAP_PCIE;
}

void config_space_init(struct pci_node *node)
{
	set16(node, PCI_VENDOR_ID, VENDOR, 0);
	set16(node, PCI_COMMAND, 0,
	      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR |
		      PCI_COMMAND_INTX_DISABLE);
	set16(node, PCI_STATUS, PCI_STATUS_CAP_LIST, 0);
	node->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	node->writable[PCI_INTERRUPT_LINE] = 0xff;
	if (node->kind == NODE_CONTROLLER)
		init_controller(node);
	else
		init_port(node);
	/* place() adds functions 1 to 7 to each function 0 */
	if (PCI_FUNC(node->devfn) == 0)
		node->config[PCI_HEADER_TYPE] |= 0x80;
	init_pcie_capability(node);
}

bool config_space_msix_enabled(const struct pci_node *node)
{
	u16 flags = get_unaligned_le16(node->config + CAP_MSIX + PCI_MSIX_FLAGS);

	return (flags & PCI_MSIX_FLAGS_ENABLE) && !(flags & PCI_MSIX_FLAGS_MASKALL);
}

struct pci_node *config_space_node(struct pci_bus *bus, unsigned int devfn)
{
	struct host *host = container_of(to_pci_sysdata(bus), struct host, sysdata);
	struct pci_node *owner;

	if (pci_is_root_bus(bus))
		return host->root[devfn];
	owner = host->owner[bus->number];
	return owner ? owner->children[devfn] : NULL;
}

static int config_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *value)
{
	struct pci_node *node = config_space_node(bus, devfn);

	*value = ~0U;
	if (!node || where + size > CONFIG_SIZE)
		return PCIBIOS_SUCCESSFUL;
	if (node->controller && controller_is_gone(node->controller))
		return PCIBIOS_SUCCESSFUL;
	*value = 0;
	memcpy(value, node->config + where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int config_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	struct pci_node *node = config_space_node(bus, devfn);
	u8 old;

	if (!node || where + size > CONFIG_SIZE)
		return PCIBIOS_SUCCESSFUL;
	old = node->config[PCI_SECONDARY_BUS];
	for (int i = 0; i < size; i++) {
		u8 mask = node->writable[where + i];

		node->config[where + i] =
			(node->config[where + i] & ~mask) | ((u8)(value >> 8 * i) & mask);
	}
	if (node->kind != NODE_CONTROLLER && node->config[PCI_SECONDARY_BUS] != old) {
		if (node->host->owner[old] == node)
			node->host->owner[old] = NULL;
		node->host->owner[node->config[PCI_SECONDARY_BUS]] = node;
	}
	return PCIBIOS_SUCCESSFUL;
}

struct pci_ops config_space_ops = {
	.read = config_read,
	.write = config_write,
};
