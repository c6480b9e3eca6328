// SPDX-License-Identifier: BSD-3-Clause
//
// Plugins that check_plugin.py must refuse, one sin each (compile definition BAD_…).

#include <ais/service.hpp>

#include <cstdlib>
#include <string>

#ifdef BAD_UNDEFINED
extern "C" void aisexec_secret_function();
#endif

namespace {

#ifdef BAD_GLOBAL
int counter = 0;
#endif
#ifdef BAD_CONSTRUCTOR
// volatile, or the compiler would do it at compile time.
const struct Early {
    Early() { value = std::getenv("HOME") != nullptr ? 1 : 2; }
    volatile int value;
} early;
#endif

class Bad {
  public:
    static constexpr std::uint16_t service_id = 99;
    explicit Bad(const ais_host&) {}
    void deliver(ais_node_id, std::uint16_t, ais::Bytes body) {
#ifdef BAD_GLOBAL
        counter += static_cast<int>(body.size());
#endif
#ifdef BAD_CONSTRUCTOR
        sum_ += early.value;
#endif
#ifdef BAD_UNDEFINED
        aisexec_secret_function();
#endif
#ifdef BAD_LOCAL_STATIC
        static std::string last;
        last = ais::as_text(body);
#endif
        sum_ += static_cast<int>(body.size());
    }

  private:
    int sum_ = 0;
};

}  // namespace

#ifdef BAD_EXPORT
// Used by a template that is exported, too: what default visibility does.
template <typename T>
struct Shared {
    static inline T value{};
};
extern "C" AIS_EXPORT int bad_extra_function() {
    return ++Shared<int>::value;
}
#endif

AIS_EXPORT_PLUGIN = ais::describe<Bad>("bad", "1.0.0");
