/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See times.h. */

#include "tree/times.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/atomic_file.h"

/* More than 2,000 controllers. */
#define FILE_BYTES_MAX ((size_t) 256 * 1024)

/* The largest RTD3E, which has 32 bits of microseconds. */
#define USEC_MAX ((usec_t) UINT32_MAX)

static bool is_worth_a_line(const Device *device) {
        const Controller *c = device->controller;

        return device->kind == DEVICE_CONTROLLER && c->serial && *c->serial && c->rtd3e_usec > 0 &&
               c->rtd3e_usec <= USEC_MAX;
}

int times_write(int root_fd, const Topology *topology) {
        AtomicFile file;
        int r, n = 0;

        if (mkdirat(root_fd, TIMES_DIRECTORY, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = atomic_file_open(root_fd, TIMES_PATH, 0644, &file);
        if (r < 0)
                return r;
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *device = &topology->devices[i];

                if (!is_worth_a_line(device))
                        continue;
                (void) fprintf(file.stream, "%" PRIu64 " %s %s\n", device->controller->rtd3e_usec,
                               device->address, device->controller->serial);
                n++;
        }
        r = atomic_file_commit(&file);
        return r < 0 ? r : n;
}

/* Returns the text with a NUL at its end. */
static int read_file(int root_fd, char **ret_text) {
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ssize_t n;

        fd = openat(root_fd, TIMES_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
                return -EPERM;
        if ((size_t) st.st_size > FILE_BYTES_MAX)
                return -EFBIG;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = pread(fd, text, (size_t) st.st_size, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        if (n != st.st_size || memchr(text, '\0', (size_t) n))
                return -EBADMSG;
        *ret_text = TAKE_PTR(text);
        return 0;
}

/* Splits "USEC ADDRESS SERIAL" in place. A serial number may hold blanks. */
static bool parse_line(char *line, usec_t *ret_usec, char **ret_address, char **ret_serial) {
        unsigned long long usec;
        char *address, *serial;

        if (*line < '1' || *line > '9')
                return false;
        errno = 0;
        usec = strtoull(line, &address, 10);
        if (errno || usec > USEC_MAX || *address != ' ')
                return false;
        serial = strchr(++address, ' ');
        if (!serial || serial == address || !serial[1])
                return false;
        *serial = '\0';
        *ret_usec = usec;
        *ret_address = address;
        *ret_serial = serial + 1;
        return true;
}

/* Returns how many times were set, or -EBADMSG at a malformed line. */
static int set_times(char *text, Topology *topology) {
        char *next;
        int n = 0;

        for (char *line = text; *line; line = next) {
                char *address, *serial;
                size_t i;
                usec_t usec;

                next = strchr(line, '\n');
                if (!next)
                        return -EBADMSG;
                *next++ = '\0';
                if (!parse_line(line, &usec, &address, &serial))
                        return -EBADMSG;
                i = topology_find_device(topology, address);
                if (i == TOPOLOGY_NONE || topology->devices[i].kind != DEVICE_CONTROLLER ||
                    !topology->devices[i].controller->serial ||
                    !STREQ(topology->devices[i].controller->serial, serial))
                        continue;
                topology->devices[i].controller->rtd3e_usec = usec;
                n++;
        }
        return n;
}

static void forget_times(Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++)
                if (topology->devices[i].controller)
                        topology->devices[i].controller->rtd3e_usec = 0;
}

int times_read(int root_fd, Topology *topology) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = read_file(root_fd, &text);
        if (r < 0 || !text)
                return r;
        r = set_times(text, topology);
        if (r < 0)
                forget_times(topology);
        return r;
}
