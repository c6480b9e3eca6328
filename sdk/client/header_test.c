/* SPDX-License-Identifier: BSD-3-Clause
 *
 * <openais/saAis.h> as a C99 program sees it.  That this file compiles is most of
 * the test (-std=c99 -pedantic -Werror).
 */
#include <openais/saAis.h>

int sa_ais_header_test(void);

int sa_ais_header_test(void)
{
    SaNameT name = {1, {'a'}};
    SaVersionT version = {'B', 1, 1};
    SaTimeT forever = SA_TIME_MAX;
    SaTimeT unknown = SA_TIME_UNKNOWN;
    SaAisErrorT error = SA_AIS_ERR_SECURITY;

    switch (error) {
    case SA_AIS_OK:
    case SA_AIS_ERR_SECURITY:
        break;
    default:
        return 1;
    }
#ifndef SA_AIS_ERR_SECURITY
    return 1;
#endif
    return name.length == 1 && version.releaseCode == 'B' && forever > 0 && unknown < 0 && forever + unknown == -1 &&
                   (SA_TRACK_CURRENT | SA_TRACK_CHANGES_ONLY) == 5
               ? 0
               : 1;
}
