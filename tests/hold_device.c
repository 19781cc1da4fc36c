/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps a device in use in one of the ways that are hard to see. Usage: hold_device HOW NODE.
 * Prints "held" once it does, and ends with its standard input. */

#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAPPED_SIZE 4096

static const char *node;

static int open_node(void) {
        int fd = open(node, O_RDWR | O_CLOEXEC);

        if (fd < 0) {
                perror(node);
                _exit(EXIT_FAILURE);
        }
        return fd;
}

static void require(long r, const char *what) {
        if (r >= 0)
                return;
        perror(what);
        _exit(EXIT_FAILURE);
}

static void *hold_until_told(void *unused) {
        char byte;

        (void) printf("held\n");
        (void) fflush(stdout);
        _exit(read(STDIN_FILENO, &byte, 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void *open_and_hold(void *unused) {
        (void) open_node();
        return hold_until_told(NULL);
}

static void *open_apart_and_hold(void *unused) {
        require(unshare(CLONE_FILES), "unshare");
        return open_and_hold(NULL);
}

static void begin_thread(void *(*function)(void *) ) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, function, NULL) != 0)
                _exit(EXIT_FAILURE);
}

static void map_node(void) {
        int fd = open_node();
        void *memory = mmap(NULL, MAPPED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        require(memory == MAP_FAILED ? -1 : 0, "mmap");
        (void) close(fd);
}

static void register_node(void) {
        struct io_uring_params params = {};
        int fd = open_node();
        long ring = syscall(SYS_io_uring_setup, 4, &params);

        require(ring, "io_uring_setup");
        require(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1),
                "io_uring_register");
        (void) close(fd);
}

int main(int argc, char *argv[]) {
        const char *how = argc == 3 ? argv[1] : "";

        node = argc == 3 ? argv[2] : "";
        if (strcmp(how, "open") == 0)
                (void) open_node();
        else if (strcmp(how, "mapping") == 0)
                map_node();
        else if (strcmp(how, "ring") == 0)
                register_node();
        else if (strcmp(how, "orphan") == 0) {
                /* the leader ends, and is a zombie as long as the thread lives */
                begin_thread(open_and_hold);
                pthread_exit(NULL);
        } else if (strcmp(how, "apart") == 0) {
                begin_thread(open_apart_and_hold);
                for (;;)
                        (void) pause();
        } else {
                (void) fprintf(stderr, "hold_device open|mapping|ring|orphan|apart NODE\n");
                return EXIT_FAILURE;
        }
        (void) hold_until_told(NULL);
}
