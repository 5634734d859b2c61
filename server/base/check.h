// LATCHKEY_CHECK(condition, "what was promised") ends the process when a
// promise of our own code is broken.  It stays on in release builds.  It is
// never used on what a client sent: that is a status.

#ifndef LATCHKEY_SERVER_BASE_CHECK_H_
#define LATCHKEY_SERVER_BASE_CHECK_H_

namespace latchkey {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const char* promise);

}  // namespace latchkey

#define LATCHKEY_CHECK(condition, promise)                              \
  do {                                                                  \
    if (!(condition)) [[unlikely]] {                                    \
      ::latchkey::CheckFailed(__FILE__, __LINE__, #condition, promise); \
    }                                                                   \
  } while (false)

#endif  // LATCHKEY_SERVER_BASE_CHECK_H_
