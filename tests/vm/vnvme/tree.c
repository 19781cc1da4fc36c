// SPDX-License-Identifier: GPL-2.0-only
/* Builds the PCIe hierarchy from its text. */

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "vnvme.h"

#define DEPTH_MAX 12

struct host *hosts[VNVME_MAX];
unsigned int n_hosts;
struct controller *controllers[VNVME_MAX];
unsigned int n_controllers;

static int parse_nodes(const char **text, struct host *host, struct pci_node *parent, int depth);

static bool may_contain(const struct pci_node *parent, enum node_kind kind)
{
	if (!parent)
		return kind == NODE_ROOT_PORT || kind == NODE_CONTROLLER;
	if (parent->kind == NODE_UPSTREAM)
		return kind == NODE_DOWNSTREAM;
	return kind == NODE_UPSTREAM || kind == NODE_CONTROLLER;
}

/* A link has one device; further ones are functions of it. */
static int place(struct host *host, struct pci_node *parent, struct pci_node *node)
{
	bool is_link = parent && parent->kind != NODE_UPSTREAM;
	unsigned int *n = parent ? &parent->n_children : &host->n_root;
	struct pci_node **slots = parent ? parent->children : host->root;

	if (*n >= (is_link ? 8 : 256))
		return -ENOSPC;
	/* eight functions to a device, so that 256 fit on one bus */
	node->devfn = *n;
	slots[(*n)++] = node;
	return 0;
}

static struct pci_node *add_node(struct host *host, struct pci_node *parent, enum node_kind kind)
{
	struct pci_node *node;
	struct controller *c;

	if (!may_contain(parent, kind))
		return ERR_PTR(-EINVAL);
	/* bus 0 is the host's own; with more the kernel's scan never ends (6.1) */
	if (kind != NODE_CONTROLLER && ++host->n_buses > 255)
		return ERR_PTR(-ENOSPC);
	node = kvzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return ERR_PTR(-ENOMEM);
	node->kind = kind;
	node->host = host;
	if (place(host, parent, node) < 0) {
		kvfree(node);
		return ERR_PTR(-ENOSPC);
	}
	if (kind == NODE_CONTROLLER) {
		if (n_controllers == VNVME_MAX)
			return ERR_PTR(-ENOSPC);
		c = kvzalloc(sizeof(*c), GFP_KERNEL);
		if (!c)
			return ERR_PTR(-ENOMEM);
		c->index = n_controllers;
		c->node = node;
		xa_init(&c->store);
		node->controller = c;
		controllers[n_controllers++] = c;
	}
	config_space_init(node);
	return node;
}

static int parse_node(const char **text, struct host *host, struct pci_node *parent, int depth)
{
	static const char letters[] = "RUDN";
	const char *letter = **text ? strchr(letters, **text) : NULL;
	struct pci_node *node;
	int r;

	if (!letter || depth > DEPTH_MAX)
		return -EINVAL;
	node = add_node(host, parent, letter - letters);
	if (IS_ERR(node))
		return PTR_ERR(node);
	(*text)++;
	if (node->kind == NODE_CONTROLLER)
		return 0;
	if (*(*text)++ != '(')
		return -EINVAL;
	r = parse_nodes(text, host, node, depth + 1);
	if (r < 0)
		return r;
	return *(*text)++ == ')' ? 0 : -EINVAL;
}

static int parse_repeated(const char **text, struct host *host, struct pci_node *parent, int depth)
{
	unsigned long count = 1;
	const char *begin;
	char *end;
	int r = 0;

	if (isdigit(**text)) {
		count = simple_strtoul(*text, &end, 10);
		if (*end != '*' || count < 1 || count > VNVME_MAX)
			return -EINVAL;
		*text = end + 1;
	}
	begin = *text;
	for (unsigned long i = 0; r == 0 && i < count; i++) {
		*text = begin;
		r = parse_node(text, host, parent, depth);
	}
	return r;
}

static int parse_nodes(const char **text, struct host *host, struct pci_node *parent, int depth)
{
	int r;

	for (;;) {
		r = parse_repeated(text, host, parent, depth);
		if (r < 0 || **text != ',')
			return r;
		(*text)++;
	}
}

int tree_parse(const char *text)
{
	struct host *host;
	int r;

	for (;;) {
		if (n_hosts == VNVME_MAX)
			return -ENOSPC;
		host = kvzalloc(sizeof(*host), GFP_KERNEL);
		if (!host)
			return -ENOMEM;
		hosts[n_hosts++] = host;
		r = parse_nodes(&text, host, NULL, 0);
		if (r < 0)
			return r;
		if (*text == '\0' || *text == '\n')
			return 0;
		if (*text++ != ';')
			return -EINVAL;
	}
}

static void free_nodes(struct pci_node **nodes, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		free_nodes(nodes[i]->children, nodes[i]->n_children);
		kvfree(nodes[i]);
	}
}

void tree_free(void)
{
	for (unsigned int i = 0; i < n_controllers; i++) {
		store_free(controllers[i]);
		kvfree(controllers[i]);
	}
	for (unsigned int i = 0; i < n_hosts; i++) {
		free_nodes(hosts[i]->root, hosts[i]->n_root);
		kvfree(hosts[i]);
	}
}
