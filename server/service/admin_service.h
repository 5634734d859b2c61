// AdminService answers latchkey.v1.Admin: what the server has counted and what
// it holds, for an operator.  It counts nothing itself: the store and
// ServerFacts have all of it, as /metrics does.
//
// Where a server has access rules, its calls are for who has the verb admin.
//
// GetStats takes each shard's lock once, for a few loads, some tens of
// microseconds in all, and so runs on the thread that read it.
//
// Thread safety: handlers may run on any number of threads at once.
//
// Example:
//   AdminService admin(store, nullptr, [&] { return FactsOfThisServer(); });
//   admin.Register(methods);

#ifndef LATCHKEY_SERVER_SERVICE_ADMIN_SERVICE_H_
#define LATCHKEY_SERVER_SERVICE_ADMIN_SERVICE_H_

#include <functional>
#include <string_view>

#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/service/access_check.h"
#include "server/service/server_facts.h"
#include "server/store/store.h"

namespace latchkey {

class AdminService {
 public:
  static constexpr char kName[] = "latchkey.v1.Admin";

  // `store`, `rules` (which may be null) and what `facts` refers to must
  // outlive the service; `facts` may be called from any thread.
  AdminService(const Store& store, const RulesKeeper* rules,
               std::function<ServerFacts()> facts);

  AdminService(const AdminService&) = delete;
  AdminService& operator=(const AdminService&) = delete;

  // Adds all methods.  The service must outlive the calls made through them.
  void Register(MethodTable& methods);

 private:
  void GetStats(Call& call, std::string_view bytes) const;

  // Constant after construction, except the store, which synchronises itself.
  const Store& store_;
  const AccessCheck access_;
  const std::function<ServerFacts()> facts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_ADMIN_SERVICE_H_
