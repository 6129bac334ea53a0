//! Pages for what is not there, and for what went wrong.
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { SearchX } from "lucide-react";
import { useEffect } from "react";
import { useMessages } from "@/i18n";
import { buttonClass } from "@/ui/button";
import { Empty, ErrorNotice } from "@/ui/states";
import { loadAnew, Outdated } from "./code";

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
  return (
    <div className="stack failed">
      {/* What failed on the way to the page is only tried again where the router goes that way again. */}
      <ErrorNotice
        error={isOutdated ? new Error(m.failed.outdated) : error}
        onRetry={() => void router.invalidate().finally(reset)}
      />
    </div>
  );
}
