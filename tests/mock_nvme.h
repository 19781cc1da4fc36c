/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine with NVMe drives, told piece by piece, in umockdev's directory, which is the fake root.
 * Anything that has no function here is a file for fake_root_write() and its kin. */
#pragma once

#include <sys/types.h>

#include "fake_root.h"

/* PCI Express device/port types */
#define MOCK_ROOT_PORT 4
#define MOCK_UPSTREAM_PORT 5
#define MOCK_DOWNSTREAM_PORT 6

/* One machine per process: Criterion gives each test its own. It starts with a root on a tmpfs, an
 * empty list of swaps, and no device at all. */
void mock_start(void);
void mock_stop(void);

/* Buses. Each returns the new directory's path below the root ("sys/devices/pci0000:00"), to be the
 * next one's `above`; all strings live until mock_stop(). */
const char *mock_add_host_bridge(const char *above, const char *name); /* above: NULL or a VMD */
const char *mock_add_port(const char *above, const char *address, unsigned type);
const char *mock_add_vmd(const char *above, const char *address);
const char *mock_add_function(const char *above, const char *address, const char *driver);

/* Controllers: these return the controller's own directory. */
const char *mock_add_nvme(const char *above, const char *address, const char *name);
const char *mock_add_vf(const char *above, const char *address, const char *name,
                        const char *physfn);
const char *mock_add_fabrics(const char *name, const char *transport);
const char *mock_add_platform(const char *device, const char *name, const char *transport);

/* Block devices, with nodes in dev/. Heads belong to all controllers of their subsystem. */
const char *mock_add_namespace(const char *above, const char *name);
const char *mock_add_hidden_path(const char *controller, const char *name);
const char *mock_add_subsystem(const char *name, ...); /* controllers' names, NULL */
const char *mock_add_partition(const char *disk, const char *name);
const char *mock_add_holder(const char *name, ...); /* names of the blocks below, NULL */
const char *mock_add_loop(const char *name, const char *backing); /* a path, which says nothing */
void mock_loop_stands_on(const char *loop, const char *node);
void mock_loop_answers(const char *loop, int error);
void mock_count_sectors(const char *path, unsigned n);             /* read, of a block device */
const char *mock_add_generic(const char *above, const char *name); /* ng0n1 */
dev_t mock_devnum(const char *node);

/* Uses. A node is named without /dev. */
void mock_mount(const char *node, const char *point, const char *type);
void mock_mount_anonymous(const char *source, const char *point, const char *type);
void mock_swap(const char *path, const char *type);
void mock_add_btrfs(const char *uuid, ...); /* names of the members, NULL */
void mock_add_process(int pid, const char *comm);
void mock_open_file(int pid, int fd, const char *node);
void mock_map_file(int pid, const char *path, const char *node); /* the path that maps has of it */
void mock_fail_open(const char *node, int error);                /* EBUSY only for O_EXCL */
void mock_fail_open_path(const char *path, int error); /* of any existing file or directory */
unsigned mock_count_opens(const char *node);

void mock_rename_node(const char *node, const char *other); /* replaces the other one */

/* From now on libudev tells that property of the block device at that path. */
void mock_udev_found(const char *path, const char *property, const char *value);

/* Sends a uevent of the device at that path. action: "add", "change" or "remove". */
void mock_uevent(const char *path, const char *action);

/* From now on readdir() lists directories backwards. */
void mock_reverse_enumeration(void);
