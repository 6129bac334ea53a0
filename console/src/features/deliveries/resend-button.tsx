//! Sending a delivery again, once for each time that somebody means it.
import { useNavigate } from "@tanstack/react-router";
import { RotateCw } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/states";
import { say } from "@/ui/toast";
import { useResend } from "./queries";

/** A delivery that a click has led to is not sent again so soon: its button stands where that click was, and another one may follow. */
const REST_MS = 1000;

/** The delivery that the last click made. */
let made: string | undefined;

function useRest(deliveryId: string): boolean {
  const [rests, setRests] = useState(made === deliveryId);
  useEffect(() => {
    if (!rests) return;
    const timer = setTimeout(() => {
      made = undefined;
      setRests(false);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [rests]);
  return rests;
}

/** Keyed by its delivery: what was found out for one counts for no other. */
export function ResendButton({ deliveryId }: { deliveryId: string }) {
  const m = useMessages();
  const navigate = useNavigate();
  const resend = useResend();
  const rests = useRest(deliveryId);
  // The button is disabled with the next drawing; a click can come before.
  const isSending = useRef(false);
  const send = () => {
    if (isSending.current) return;
    isSending.current = true;
    resend.mutate(deliveryId, {
      onSuccess: ({ id }) => {
        made = id;
        say(m.delivery.resent);
        void navigate({ to: "/deliveries/$deliveryId", params: { deliveryId: id }, search: {} as never });
      },
      onSettled: () => {
        isSending.current = false;
      },
    });
  };
  return (
    <>
      <Button
        look="primary"
        icon={<RotateCw />}
        busy={resend.isPending}
        disabled={rests}
        // The second click of a double click is none of its own.
        onClick={event => event.detail <= 1 && send()}
      >
        {m.delivery.resend}
      </Button>
      {resend.error && <ErrorNotice error={resend.error} />}
    </>
  );
}
