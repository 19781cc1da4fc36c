/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See poll_until.h. */

#include "base/poll_until.h"

#include <limits.h>
#include <poll.h>

int poll_until(int fd, usec_t deadline) {
        struct pollfd entry = { .fd = fd, .events = POLLIN };

        for (;;) {
                usec_t now = usec_now(), left = deadline > now ? deadline - now : 0;
                usec_t msec = (left + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
                int r;

                r = poll(&entry, 1, msec > INT_MAX ? INT_MAX : (int) msec);
                if (r > 0)
                        return 1;
                if (r == 0 && left == 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}
