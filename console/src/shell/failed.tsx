//! Pages for what is not there, and for what went wrong.
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { SearchX } from "lucide-react";
import { useEffect } from "react";
import { useMessages } from "@/i18n";
import { buttonClass } from "@/ui/button";
import { Empty, ErrorNotice } from "@/ui/states";
import { askAgain, loadAnew, Outdated } from "./code";

export function NotFoundPage() {
  const m = useMessages();
  return (
    <Empty
      icon={<SearchX aria-hidden="true" />}
      title={m.failed.notFound}
      actions={
        <Link to="/" className={buttonClass()}>
          {m.failed.home}
        </Link>
      }
    />
  );
}

export function FailedPage({ error, reset }: ErrorComponentProps) {
  const m = useMessages();
  const router = useRouter();
  const isOutdated = error instanceof Outdated;
  useEffect(() => {
    if (isOutdated) loadAnew();
  }, [isOutdated]);
  // Whoever goes elsewhere and comes back finds it tried again, too.
  useEffect(() => askAgain, []);
  const retry = () => {
    // The code of this version is not there any more, however often it is asked for.
    if (isOutdated) return location.reload();
    askAgain();
    // What failed on the way to the page is only tried again where the router goes that way again.
    void router.invalidate().finally(reset);
  };
  return (
    <div className="stack failed">
      <ErrorNotice error={isOutdated ? new Error(m.failed.outdated) : error} onRetry={retry} />
    </div>
  );
}
