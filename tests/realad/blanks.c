/* Loaded into the test's own Samba (LD_PRELOAD), and nowhere else.
 *
 * Samba's KDC looks up a service, and compares it with msDS-AllowedToDelegateTo, by what krb5_unparse_name_flags writes
 * without the realm. Heimdal puts a backslash before each blank there, so
 * "Microsoft Virtual System Migration Service/HOST" is never found and never allowed (seen with 4.17 and 4.22).
 * Windows compares the name itself. The flag for display, 4, leaves the backslashes out; Samba uses it elsewhere.
 * The run asks the stock server as well, to show that this defect is still there and nothing else differs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

enum { NO_REALM = 2, DISPLAY = 4 };

int krb5_unparse_name_flags(void *context, const void *principal, int flags, char **name)
{
	static int (*original)(void *, const void *, int, char **);
	if (!original)
		original = (int (*)(void *, const void *, int, char **))dlsym(RTLD_NEXT, "krb5_unparse_name_flags");
	return original(context, principal, flags == NO_REALM ? NO_REALM | DISPLAY : flags, name);
}
